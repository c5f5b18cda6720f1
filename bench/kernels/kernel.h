/* What the compute kernels share: the export, numbers that are the same in every run, and a region of memory. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stddef.h>
#include <stdint.h>

#define RUN __attribute__((export_name("run")))

/* Xorshift, 32 bits: the same numbers wherever it runs. */
static inline uint32_t next_number(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

/* FNV-1a over four bytes of a word at once: what a run returns depends on all that it made. */
static inline uint32_t mix(uint32_t hash, uint32_t word) { return (hash ^ word) * 16777619u; }

#endif
