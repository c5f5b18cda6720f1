/*
 * map_pages: every entry whose value has at least as many bytes as the argument says, a u32; all without one. For each
 * u32 keyLength, u32 valueLength, key, value. Values on extents are left out.
 */
#include "../../examples/modules/llmdb.h"

LLMDB_MODULE

LLMDB_EXPORT(map_pages) int32_t map_pages(const llmdb_frame *in, uint32_t in_length, uint8_t *out, uint32_t capacity) {
  static uint8_t key[8320];
  uint32_t least = 0;
  uint8_t *at = out;
  if (in->arg_length == 4) __builtin_memcpy(&least, llmdb_arg(in), 4);
  for (uint32_t p = 0; p < in->count; p++) {
    const llmdb_leaf *page = llmdb_page(in, p);
    const llmdb_slot *slots = llmdb_slots(page);
    for (uint32_t s = 0; s < page->count; s++) {
      uint32_t value = llmdb_value_length(page, &slots[s]);
      if (value < least || llmdb_is_large(page, &slots[s])) continue;
      uint32_t length = llmdb_copy_key(page, &slots[s], key);
      if (8 + length + value > (uint32_t)(out + capacity - at)) return LLMDB_TOO_SMALL;
      __builtin_memcpy(at, &length, 4);
      __builtin_memcpy(at + 4, &value, 4);
      __builtin_memcpy(at + 8, key, length);
      __builtin_memcpy(at + 8 + length, llmdb_value(page, &slots[s]), value);
      at += 8 + length + value;
    }
  }
  return (int32_t)(at - out);
}
