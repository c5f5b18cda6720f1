/* Makes binary trees of depth n, at most 17, in a region and walks them, sixteen times. Returns a sum. */
#include "kernel.h"

typedef struct node {
  struct node *left, *right;
  uint32_t value;
} node;

static node nodes[1 << 18];
static uint32_t used;

static node *grow(int32_t depth, uint32_t *seed) {
  node *made = &nodes[used++];
  made->value = next_number(seed) & 0xffff;
  made->left = depth > 0 ? grow(depth - 1, seed) : NULL;
  made->right = depth > 0 ? grow(depth - 1, seed) : NULL;
  return made;
}

static int64_t walk(const node *at) { return at == NULL ? 0 : at->value + walk(at->left) - walk(at->right) / 2; }

RUN int64_t run(int32_t n) {
  uint32_t seed = 1;
  int64_t sum = 0;
  if (n > 17) n = 17;
  for (int turn = 0; turn < 16; turn++) {
    used = 0;
    sum += walk(grow(n, &seed));
  }
  return sum;
}
