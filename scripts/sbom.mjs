/**
 * The bill of materials: what is inside the package, as CycloneDX 1.6. Guarantees: it names exactly the packages whose
 * code is in the files, with their versions and licences; the same content gives the same bytes, so it has no time and
 * no serial number.
 */
import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";

/**
 * @param {{ name: string, version: string, license: string, description: string }} manifest of the package
 * @param {import("./inside.mjs").Inside[]} packages
 * @returns {string} JSON
 */
export function billOfMaterials(manifest, packages) {
  const { name, version, license: licence, description } = manifest;
  const product = componentOf({ name, version, licence, description });
  const components = new Map(packages.map((one) => [one.name, componentOf(one)]));
  const needed = new Set(packages.flatMap(({ needs }) => needs));
  for (const one of packages) {
    const component = components.get(one.name);
    for (const need of one.needs) component.dependencies.add(components.get(need).bomRef);
    if (!needed.has(one.name)) product.dependencies.add(component.bomRef);
  }
  const bom = new Models.Bom({
    metadata: new Models.Metadata({ component: product }),
    components: new Models.ComponentRepository(components.values()),
  });
  const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
  return `${serializer.serialize(bom, { sortLists: true, space: 2 })}\n`;
}

function componentOf({ name: fullName, version, licence, description }) {
  const [group, name] = fullName.startsWith("@") ? fullName.split("/") : [undefined, fullName];
  const purl = `pkg:npm/${group === undefined ? "" : `${encodeURIComponent(group)}/`}${name}@${version}`;
  const licenses = new Models.LicenseRepository([new Models.SpdxLicense(licence)]);
  return new Models.Component(Enums.ComponentType.Library, name, {
    group,
    version,
    description,
    purl,
    licenses,
    bomRef: purl,
  });
}
