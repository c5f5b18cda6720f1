/* Validates 16 KiB of UTF-8 n times, one byte of it changed in each turn. Returns the sum of the first wrong places. */
#include "kernel.h"

#define SIZE 16384

static uint8_t text[SIZE];

/* Where the text is wrong first, or its length. */
static int32_t valid_until(void) {
  int32_t at = 0;
  while (at < SIZE) {
    uint8_t first = text[at], low = 0x80, high = 0xbf;
    int32_t more = first < 0x80 ? 0 : first < 0xc2 ? -1 : first < 0xe0 ? 1 : first < 0xf0 ? 2 : first < 0xf5 ? 3 : -1;
    if (more < 0 || at + more >= SIZE) return at;
    if (first == 0xe0) low = 0xa0;
    if (first == 0xed) high = 0x9f;
    if (first == 0xf0) low = 0x90;
    if (first == 0xf4) high = 0x8f;
    for (int32_t k = 1; k <= more; k++, low = 0x80, high = 0xbf) {
      if (text[at + k] < low || text[at + k] > high) return at;
    }
    at += 1 + more;
  }
  return SIZE;
}

static int32_t put(int32_t at, uint32_t point) {
  if (point < 0x80) return text[at] = (uint8_t)point, at + 1;
  if (point < 0x800) return text[at] = (uint8_t)(0xc0 | point >> 6), text[at + 1] = 0x80 | (point & 63), at + 2;
  text[at] = (uint8_t)(0xe0 | point >> 12);
  text[at + 1] = 0x80 | (point >> 6 & 63);
  text[at + 2] = 0x80 | (point & 63);
  return at + 3;
}

RUN int64_t run(int32_t n) {
  uint32_t seed = 1;
  int64_t sum = 0;
  int32_t at = 0;
  while (at < SIZE - 3) at = put(at, next_number(&seed) % (seed & 1 ? 0x80 : 0xd800));
  while (at < SIZE) text[at++] = 'x';
  for (int32_t i = 0; i < n; i++) {
    uint32_t place = next_number(&seed) % SIZE;
    uint8_t before = text[place];
    text[place] = (uint8_t)(seed >> 24);
    sum += valid_until();
    text[place] = before;
  }
  return sum;
}
