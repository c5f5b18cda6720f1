/* Levenshtein distances between 256 letters and variants of them, n times. Returns their sum. */
#include "kernel.h"

#define LENGTH 256

static uint8_t a[LENGTH], b[LENGTH];
static int32_t row[LENGTH + 1];

static int32_t least(int32_t x, int32_t y) { return x < y ? x : y; }

static int32_t distance(void) {
  for (int32_t j = 0; j <= LENGTH; j++) row[j] = j;
  for (int32_t i = 1; i <= LENGTH; i++) {
    int32_t diagonal = row[0];
    row[0] = i;
    for (int32_t j = 1; j <= LENGTH; j++) {
      int32_t above = row[j];
      row[j] = least(least(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] != b[j - 1]));
      diagonal = above;
    }
  }
  return row[LENGTH];
}

RUN int32_t run(int32_t n) {
  uint32_t seed = 1;
  int32_t sum = 0;
  for (int32_t i = 0; i < LENGTH; i++) a[i] = b[i] = (uint8_t)('a' + next_number(&seed) % 26);
  for (int32_t turn = 0; turn < n; turn++) {
    b[next_number(&seed) % LENGTH] = (uint8_t)('a' + (seed >> 8) % 26);
    sum += distance();
  }
  return sum;
}
