/* Sorts n numbers, at most 2^18, through a comparison that is called by pointer. Returns a hash of the order. */
#include "kernel.h"

static int32_t values[1 << 18];
typedef int (*compare)(int32_t, int32_t);

static int ascending(int32_t a, int32_t b) { return (a > b) - (a < b); }
static int descending(int32_t a, int32_t b) { return (a < b) - (a > b); }

static void sort(int32_t low, int32_t high, compare order) {
  while (low < high) {
    int32_t pivot = values[low + (high - low) / 2], i = low, j = high;
    while (i <= j) {
      while (order(values[i], pivot) < 0) i++;
      while (order(values[j], pivot) > 0) j--;
      if (i > j) break;
      int32_t moved = values[i];
      values[i++] = values[j];
      values[j--] = moved;
    }
    /* The shorter part by a call, so that the stack stays low. */
    if (j - low < high - i) {
      sort(low, j, order);
      low = i;
    } else {
      sort(i, high, order);
      high = j;
    }
  }
}

RUN int32_t run(int32_t n) {
  uint32_t seed = 1, hash = 2166136261u;
  if (n > 1 << 18) n = 1 << 18;
  for (int32_t i = 0; i < n; i++) values[i] = (int32_t)next_number(&seed);
  sort(0, n - 1, ascending);
  for (int32_t i = 0; i < n; i++) hash = mix(hash, (uint32_t)values[i]);
  sort(0, n - 1, descending);
  for (int32_t i = 0; i < n; i++) hash = mix(hash, (uint32_t)values[i]);
  return (int32_t)hash;
}
