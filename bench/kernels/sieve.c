/* Primes below 64 * n, by the sieve of Eratosthenes, at most 2^20. Returns how many there are. */
#include "kernel.h"

static uint8_t composite[1 << 20];

RUN int32_t run(int32_t n) {
  uint32_t limit = (uint32_t)n * 64;
  int32_t found = 0;
  if (limit > sizeof composite) limit = sizeof composite;
  for (uint32_t i = 0; i < limit; i++) composite[i] = 0;
  for (uint32_t i = 2; i < limit; i++) {
    if (composite[i]) continue;
    found++;
    for (uint64_t j = (uint64_t)i * i; j < limit; j += i) composite[j] = 1;
  }
  return found;
}
