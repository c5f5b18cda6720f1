/**
 * Cases with their exact rows. Those with a source do what others are known to do: what a write covers is replaced, the
 * rest of each row it meets is left over with its origin, and equal neighbours stay apart.
 */
import { describe, test } from "vitest";
import { afterSteps, type Case, expectRows, inf, patch, put, remove, together, update } from "./row-list.js";

/** The four cases that docs/bitemporal.md gives. */
const rules: Case[] = [
  {
    name: "1: update a part, then delete across the seam",
    steps: [put("v1", "2020", inf), update("v2", "2022", "2024"), remove("2023", "2025")],
    rows: [
      ["v1", "2020", inf, 1, 2, 1],
      ["v1", "2020", "2022", 2, inf, 1],
      ["v2", "2022", "2024", 2, 3, 2],
      ["v1", "2024", inf, 2, 3, 1],
      ["v2", "2022", "2023", 3, inf, 2],
      ["v1", "2025", inf, 3, inf, 1],
    ],
  },
  {
    name: "2: a put around what was known leaves nothing over",
    steps: [put("v1", "1998", "2000"), put("v2", "1997", "2001")],
    rows: [
      ["v1", "1998", "2000", 1, 2, 1],
      ["v2", "1997", "2001", 2, inf, 2],
    ],
  },
  {
    name: "3: an update over several rows keeps them apart",
    steps: [put("five", -inf, inf), update("five1", "2018", "2019"), update("five2", "2017", "2020")],
    rows: [
      ["five", -inf, inf, 1, 2, 1],
      ["five", -inf, "2018", 2, 3, 1],
      ["five1", "2018", "2019", 2, 3, 2],
      ["five", "2019", inf, 2, 3, 1],
      ["five", -inf, "2017", 3, inf, 1],
      ["five2", "2017", "2018", 3, inf, 3],
      ["five2", "2018", "2019", 3, inf, 3],
      ["five2", "2019", "2020", 3, inf, 3],
      ["five", "2020", inf, 3, inf, 1],
    ],
  },
  {
    name: "4: update across a seam, then delete across others",
    steps: [
      together(put(12_000, "2008-01-01", "2008-07-01"), put(16_000, "2008-07-01", "2009-01-01")),
      update(14_000, "2008-06-01", "2008-08-01"),
      remove("2008-06-15", "2008-08-15"),
    ],
    rows: [
      [12_000, "2008-01-01", "2008-07-01", 1, 2, 1],
      [16_000, "2008-07-01", "2009-01-01", 1, 2, 1],
      [12_000, "2008-01-01", "2008-06-01", 2, inf, 1],
      [14_000, "2008-06-01", "2008-07-01", 2, 3, 2],
      [14_000, "2008-07-01", "2008-08-01", 2, 3, 2],
      [16_000, "2008-08-01", "2009-01-01", 2, 3, 1],
      [14_000, "2008-06-01", "2008-06-15", 3, inf, 2],
      [16_000, "2008-08-15", "2009-01-01", 3, inf, 1],
    ],
  },
];

/** K. Kulkarni, J.-E. Michels, "Temporal features in SQL:2011", SIGMOD Record 41(3), 2012: employee 22217. */
const employee = put("dept 3", "2010-01-01", "2011-11-12");
const sql2011: Case[] = [
  {
    name: "UPDATE in the middle",
    steps: [employee, update("dept 4", "2011-02-03", "2011-09-10")],
    rows: [
      ["dept 3", "2010-01-01", "2011-11-12", 1, 2, 1],
      ["dept 3", "2010-01-01", "2011-02-03", 2, inf, 1],
      ["dept 4", "2011-02-03", "2011-09-10", 2, inf, 2],
      ["dept 3", "2011-09-10", "2011-11-12", 2, inf, 1],
    ],
  },
  {
    name: "DELETE in the middle",
    steps: [employee, remove("2011-02-03", "2011-09-10")],
    rows: [
      ["dept 3", "2010-01-01", "2011-11-12", 1, 2, 1],
      ["dept 3", "2010-01-01", "2011-02-03", 2, inf, 1],
      ["dept 3", "2011-09-10", "2011-11-12", 2, inf, 1],
    ],
  },
];

/** The rows 2 to 5 of MariaDB's mysql-test/suite/period, updated and deleted for portion of 2000 to 2018. */
const portion = ["2000-01-01", "2018-01-01"] as const;
const mariadb: Case[] = [
  {
    name: "update.test, row 2: middle",
    steps: [put(2, "1998-01-01", "2018-12-12"), update(8, ...portion)],
    rows: [
      [2, "1998-01-01", "2018-12-12", 1, 2, 1],
      [2, "1998-01-01", "2000-01-01", 2, inf, 1],
      [8, "2000-01-01", "2018-01-01", 2, inf, 2],
      [2, "2018-01-01", "2018-12-12", 2, inf, 1],
    ],
  },
  {
    name: "update.test, row 3: right edge",
    steps: [put(3, "1997-01-01", "2015-01-01"), update(9, ...portion)],
    rows: [
      [3, "1997-01-01", "2015-01-01", 1, 2, 1],
      [3, "1997-01-01", "2000-01-01", 2, inf, 1],
      [9, "2000-01-01", "2015-01-01", 2, inf, 2],
    ],
  },
  {
    name: "update.test, row 4: left edge",
    steps: [put(4, "2016-01-01", "2020-01-01"), update(10, ...portion)],
    rows: [
      [4, "2016-01-01", "2020-01-01", 1, 2, 1],
      [10, "2016-01-01", "2018-01-01", 2, inf, 2],
      [4, "2018-01-01", "2020-01-01", 2, inf, 1],
    ],
  },
  {
    name: "update.test, row 5: whole",
    steps: [put(5, "2010-01-01", "2015-01-01"), update(11, ...portion)],
    rows: [
      [5, "2010-01-01", "2015-01-01", 1, 2, 1],
      [11, "2010-01-01", "2015-01-01", 2, inf, 2],
    ],
  },
  {
    name: "update.test, precision: bounds below the millisecond",
    steps: [put(1, "1999-01-01", "2018-12-12"), update(6, "2000-01-01T00:00:00.00015", "2018-01-01T12:34:56.31415")],
    rows: [
      [1, "1999-01-01", "2018-12-12", 1, 2, 1],
      [1, "1999-01-01", "2000-01-01T00:00:00.00015", 2, inf, 1],
      [6, "2000-01-01T00:00:00.00015", "2018-01-01T12:34:56.31415", 2, inf, 2],
      [1, "2018-01-01T12:34:56.31415", "2018-12-12", 2, inf, 1],
    ],
  },
  {
    name: "delete.test, row 2: middle",
    steps: [put(2, "1998-01-01", "2018-12-12"), remove(...portion)],
    rows: [
      [2, "1998-01-01", "2018-12-12", 1, 2, 1],
      [2, "1998-01-01", "2000-01-01", 2, inf, 1],
      [2, "2018-01-01", "2018-12-12", 2, inf, 1],
    ],
  },
  {
    name: "delete.test, row 3: right edge",
    steps: [put(3, "1997-01-01", "2015-01-01"), remove(...portion)],
    rows: [
      [3, "1997-01-01", "2015-01-01", 1, 2, 1],
      [3, "1997-01-01", "2000-01-01", 2, inf, 1],
    ],
  },
  {
    name: "delete.test, row 4: left edge",
    steps: [put(4, "2016-01-01", "2020-01-01"), remove(...portion)],
    rows: [
      [4, "2016-01-01", "2020-01-01", 1, 2, 1],
      [4, "2018-01-01", "2020-01-01", 2, inf, 1],
    ],
  },
  {
    name: "delete.test, row 5: whole",
    steps: [put(5, "2010-01-01", "2015-01-01"), remove(...portion)],
    rows: [[5, "2010-01-01", "2015-01-01", 1, 2, 1]],
  },
];

/** PostgreSQL 19: section "Updating and Deleting Temporal Data", and src/test/regress/sql/for_portion_of.sql. */
const products = together(put(5, "2020-01-01", "2022-01-01"), put(8, "2022-01-01", inf));
const three = together(
  put("one", "2018-01-02", "2018-02-03"),
  put("one", "2018-02-03", "2018-03-03"),
  put("one", "2018-03-03", "2018-04-04"),
);
const postgres: Case[] = [
  {
    name: "documentation: update the price of product 5, then delete across the seam",
    steps: [products, update(12, "2023-09-01", "2025-03-01"), remove("2021-08-01", "2023-09-01")],
    rows: [
      [5, "2020-01-01", "2022-01-01", 1, 3, 1],
      [8, "2022-01-01", inf, 1, 2, 1],
      [8, "2022-01-01", "2023-09-01", 2, 3, 1],
      [12, "2023-09-01", "2025-03-01", 2, inf, 2],
      [8, "2025-03-01", inf, 2, inf, 1],
      [5, "2020-01-01", "2021-08-01", 3, inf, 1],
    ],
  },
  {
    name: "row three: a finite/open row with a finite/open, then an open/finite target",
    steps: [
      put("three", "2018-01-01", inf),
      update("three^1", "2018-06-01", inf),
      update("three^2", -inf, "2018-03-01"),
    ],
    rows: [
      ["three", "2018-01-01", inf, 1, 2, 1],
      ["three", "2018-01-01", "2018-06-01", 2, 3, 1],
      ["three^1", "2018-06-01", inf, 2, inf, 2],
      ["three^2", "2018-01-01", "2018-03-01", 3, inf, 3],
      ["three", "2018-03-01", "2018-06-01", 3, inf, 1],
    ],
  },
  {
    name: "row four: an open/finite row with open targets, then an exact fit",
    steps: [
      put("four", -inf, "2018-04-01"),
      update("four^1", -inf, "2018-02-01"),
      update("four^2", "2017-01-01", inf),
      update("four^3", "2017-01-01", "2018-02-01"),
    ],
    rows: [
      ["four", -inf, "2018-04-01", 1, 2, 1],
      ["four^1", -inf, "2018-02-01", 2, 3, 2],
      ["four", "2018-02-01", "2018-04-01", 2, 3, 1],
      ["four^1", -inf, "2017-01-01", 3, inf, 2],
      ["four^2", "2017-01-01", "2018-02-01", 3, 4, 3],
      ["four^2", "2018-02-01", "2018-04-01", 3, inf, 3],
      ["four^3", "2017-01-01", "2018-02-01", 4, inf, 4],
    ],
  },
  {
    name: "row two: an enclosed row takes the new value and keeps its bounds",
    steps: [put("two", "2018-01-01", "2018-01-05"), update("two^2", -inf, inf)],
    rows: [
      ["two", "2018-01-01", "2018-01-05", 1, 2, 1],
      ["two^2", "2018-01-01", "2018-01-05", 2, inf, 2],
    ],
  },
  {
    name: "row one: several enclosed rows, then a part of the last",
    steps: [three, update("one^2", -inf, inf), update("one^3", "2018-03-10", "2018-03-15")],
    rows: [
      ["one", "2018-01-02", "2018-02-03", 1, 2, 1],
      ["one", "2018-02-03", "2018-03-03", 1, 2, 1],
      ["one", "2018-03-03", "2018-04-04", 1, 2, 1],
      ["one^2", "2018-01-02", "2018-02-03", 2, inf, 2],
      ["one^2", "2018-02-03", "2018-03-03", 2, inf, 2],
      ["one^2", "2018-03-03", "2018-04-04", 2, 3, 2],
      ["one^2", "2018-03-03", "2018-03-10", 3, inf, 2],
      ["one^3", "2018-03-10", "2018-03-15", 3, inf, 3],
      ["one^2", "2018-03-15", "2018-04-04", 3, inf, 2],
    ],
  },
  {
    name: "delete: a finite/open row with a finite/open, then an open/finite target",
    steps: [put("three", "2018-01-01", inf), remove("2018-06-01", inf), remove(-inf, "2018-03-01")],
    rows: [
      ["three", "2018-01-01", inf, 1, 2, 1],
      ["three", "2018-01-01", "2018-06-01", 2, 3, 1],
      ["three", "2018-03-01", "2018-06-01", 3, inf, 1],
    ],
  },
  {
    name: "delete: an open/finite row with an open/finite, then a finite/open target",
    steps: [put("four", -inf, "2018-04-01"), remove(-inf, "2018-02-01"), remove("2018-03-01", inf)],
    rows: [
      ["four", -inf, "2018-04-01", 1, 2, 1],
      ["four", "2018-02-01", "2018-04-01", 2, 3, 1],
      ["four", "2018-02-01", "2018-03-01", 3, inf, 1],
    ],
  },
  {
    name: "delete: an open/open row with a finite/finite target",
    steps: [put("five", -inf, inf), remove("2018-01-01", "2019-01-01")],
    rows: [
      ["five", -inf, inf, 1, 2, 1],
      ["five", -inf, "2018-01-01", 2, inf, 1],
      ["five", "2019-01-01", inf, 2, inf, 1],
    ],
  },
  {
    name: "delete: several rows, of which the first and the last protrude",
    steps: [three, remove("2018-01-15", "2018-03-10")],
    rows: [
      ["one", "2018-01-02", "2018-02-03", 1, 2, 1],
      ["one", "2018-02-03", "2018-03-03", 1, 2, 1],
      ["one", "2018-03-03", "2018-04-04", 1, 2, 1],
      ["one", "2018-01-02", "2018-01-15", 2, inf, 1],
      ["one", "2018-03-10", "2018-04-04", 2, inf, 1],
    ],
  },
  {
    name: "delete: timestamps equal does nothing",
    steps: [put("three", "2018-01-01", inf), remove("2018-04-01", "2018-04-01")],
    rows: [["three", "2018-01-01", inf, 1, inf, 1]],
  },
];

/** What the standard leaves to a database that also fills gaps. */
const twoYears = together(put({ a: 1 }, "2020", "2021"), put({ a: 2 }, "2022", "2023"));
const gaps: Case[] = [
  {
    name: "update: gaps stay gaps",
    steps: [twoYears, update("new", "2019", "2025")],
    rows: [
      [{ a: 1 }, "2020", "2021", 1, 2, 1],
      [{ a: 2 }, "2022", "2023", 1, 2, 1],
      ["new", "2020", "2021", 2, inf, 2],
      ["new", "2022", "2023", 2, inf, 2],
    ],
  },
  {
    name: "update: inside a gap it does nothing",
    steps: [twoYears, update("new", "2021", "2022")],
    rows: [
      [{ a: 1 }, "2020", "2021", 1, inf, 1],
      [{ a: 2 }, "2022", "2023", 1, inf, 1],
    ],
  },
  {
    name: "patch: merges, and puts the part in the gaps",
    steps: [twoYears, patch({ b: 9 }, "2020-07-01", "2025")],
    rows: [
      [{ a: 1 }, "2020", "2021", 1, 2, 1],
      [{ a: 2 }, "2022", "2023", 1, 2, 1],
      [{ a: 1 }, "2020", "2020-07-01", 2, inf, 1],
      [{ a: 1, b: 9 }, "2020-07-01", "2021", 2, inf, 2],
      [{ b: 9 }, "2021", "2022", 2, inf, 2],
      [{ a: 2, b: 9 }, "2022", "2023", 2, inf, 2],
      [{ b: 9 }, "2023", "2025", 2, inf, 2],
    ],
  },
  {
    name: "put: over rows and gaps it is one row",
    steps: [twoYears, put("new", "2020-07-01", "2022-07-01")],
    rows: [
      [{ a: 1 }, "2020", "2021", 1, 2, 1],
      [{ a: 2 }, "2022", "2023", 1, 2, 1],
      [{ a: 1 }, "2020", "2020-07-01", 2, inf, 1],
      ["new", "2020-07-01", "2022-07-01", 2, inf, 2],
      [{ a: 2 }, "2022-07-01", "2023", 2, inf, 1],
    ],
  },
  {
    name: "delete: over rows and gaps",
    steps: [twoYears, remove("2020-07-01", "2022-07-01")],
    rows: [
      [{ a: 1 }, "2020", "2021", 1, 2, 1],
      [{ a: 2 }, "2022", "2023", 1, 2, 1],
      [{ a: 1 }, "2020", "2020-07-01", 2, inf, 1],
      [{ a: 2 }, "2022-07-01", "2023", 2, inf, 1],
    ],
  },
];

describe.each([
  ["docs/bitemporal.md", rules],
  ["SQL:2011", sql2011],
  ["MariaDB, application-time periods", mariadb],
  ["PostgreSQL, FOR PORTION OF", postgres],
  ["gaps", gaps],
] as const)("%s", (_source, cases) => {
  test.each(cases)("$name", ({ steps, rows }) => expectRows(afterSteps(steps), rows));
});
