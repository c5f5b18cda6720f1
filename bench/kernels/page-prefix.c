/* map_pages: per page u32, how many of its keys start with the argument. */
#include "../../examples/modules/llmdb.h"

LLMDB_MODULE

static int starts(const uint8_t *key, const uint8_t *arg, uint32_t length) {
  for (uint32_t i = 0; i < length; i++) {
    if (key[i] != arg[i]) return 0;
  }
  return 1;
}

LLMDB_EXPORT(map_pages) int32_t map_pages(const llmdb_frame *in, uint32_t in_length, uint32_t *out, uint32_t capacity) {
  static uint8_t key[8320];
  const uint8_t *arg = llmdb_arg(in);
  if (in->count * 4 > capacity) return LLMDB_TOO_SMALL;
  for (uint32_t p = 0; p < in->count; p++) {
    const llmdb_leaf *page = llmdb_page(in, p);
    const llmdb_slot *slots = llmdb_slots(page);
    uint32_t found = 0;
    for (uint32_t s = 0; s < page->count; s++) {
      uint32_t length = llmdb_copy_key(page, &slots[s], key);
      if (length >= in->arg_length && starts(key, arg, in->arg_length)) found++;
    }
    out[p] = found;
  }
  return (int32_t)in->count * 4;
}
