/* map_pages: per page u64, the sum of the heads of all slots. */
#include "../../examples/modules/llmdb.h"

LLMDB_MODULE

LLMDB_EXPORT(map_pages) int32_t map_pages(const llmdb_frame *in, uint32_t in_length, uint64_t *out, uint32_t capacity) {
  if (in->count * 8 > capacity) return LLMDB_TOO_SMALL;
  for (uint32_t p = 0; p < in->count; p++) {
    const llmdb_leaf *page = llmdb_page(in, p);
    const llmdb_slot *slots = llmdb_slots(page);
    uint64_t sum = 0;
    for (uint32_t s = 0; s < page->count; s++) sum += slots[s].head;
    out[p] = sum;
  }
  return (int32_t)in->count * 8;
}
