/* Finds repeated runs in 32 KiB, as compressors do, by a table of the last places of four bytes, n times. */
#include "kernel.h"

#define SIZE 32768

static uint8_t data[SIZE];
static int32_t last[4096];

static uint32_t four(int32_t at) {
  return data[at] | (uint32_t)data[at + 1] << 8 | (uint32_t)data[at + 2] << 16 | (uint32_t)data[at + 3] << 24;
}

static int32_t compressed(void) {
  int32_t bytes = 0;
  for (int i = 0; i < 4096; i++) last[i] = -1;
  for (int32_t at = 0; at + 4 <= SIZE;) {
    uint32_t word = four(at), hash = word * 2654435769u >> 20;
    int32_t match = last[hash], length = 0;
    last[hash] = at;
    if (match >= 0 && four(match) == word) {
      while (at + length < SIZE && length < 255 && data[match + length] == data[at + length]) length++;
    }
    bytes += length > 0 ? 3 : 1;
    at += length > 0 ? length : 1;
  }
  return bytes;
}

RUN int32_t run(int32_t n) {
  uint32_t seed = 1;
  int32_t bytes = 0;
  for (int32_t i = 0; i < SIZE; i++) {
    uint32_t number = next_number(&seed);
    data[i] = i > 4096 && number % 64 ? data[i - 1 - (int32_t)(seed >> 8 & 1) * 700] : (uint8_t)number;
  }
  for (int32_t i = 0; i < n; i++) {
    data[i % SIZE]++;
    bytes += compressed();
  }
  return bytes;
}
