/* Searches 64 KiB of text n times for a word, by Horspool's way. Returns how often it is there. */
#include "kernel.h"

static uint8_t text[65536];

static int32_t count(const uint8_t *word, int32_t length) {
  int32_t shift[256], found = 0;
  for (int i = 0; i < 256; i++) shift[i] = length;
  for (int32_t i = 0; i < length - 1; i++) shift[word[i]] = length - 1 - i;
  for (int32_t at = 0; at + length <= (int32_t)sizeof text;) {
    int32_t i = length - 1;
    while (i >= 0 && text[at + i] == word[i]) i--;
    if (i < 0) found++;
    at += shift[text[at + length - 1]];
  }
  return found;
}

RUN int32_t run(int32_t n) {
  uint32_t seed = 1;
  int32_t found = 0;
  for (uint32_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)('a' + next_number(&seed) % 4);
  for (int32_t i = 0; i < n; i++) found += count(text + (i * 37 & 0xfff), 4 + i % 9);
  return found;
}
