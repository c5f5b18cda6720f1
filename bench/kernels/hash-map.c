/* Inserts n numbers, at most 2^17, into a map with open addressing, and looks up twice as many. Returns a hash. */
#include "kernel.h"

#define SIZE (1u << 18)

static uint32_t keys[SIZE], values[SIZE];

static uint32_t place(uint32_t key) {
  uint32_t at = key * 2654435769u >> 14;
  while (keys[at] != 0 && keys[at] != key) at = (at + 1) & (SIZE - 1);
  return at;
}

RUN int32_t run(int32_t n) {
  uint32_t seed = 1, hash = 2166136261u;
  if (n > 1 << 17) n = 1 << 17;
  for (uint32_t i = 0; i < SIZE; i++) keys[i] = 0;
  for (int32_t i = 0; i < n; i++) {
    uint32_t key = next_number(&seed), at = place(key);
    keys[at] = key;
    values[at] = (uint32_t)i;
  }
  seed = 1;
  for (int32_t i = 0; i < 2 * n; i++) {
    uint32_t key = next_number(&seed), at = place(key);
    hash = mix(hash, keys[at] == key ? values[at] : 0xffffffff);
  }
  return (int32_t)hash;
}
