/*
 * reduce_pages: u64 how many values are MessagePack objects with the field that the argument names, u64 the sum of the
 * integers in it that are not negative. Values on extents do not count.
 */
#include "../../examples/modules/llmdb.h"

LLMDB_MODULE

static uint64_t big(const uint8_t *at, uint32_t bytes) {
  uint64_t value = 0;
  while (bytes-- > 0) value = value << 8 | *at++;
  return value;
}

/* Where a value ends, or `end`. */
static const uint8_t *skip(const uint8_t *at, const uint8_t *end) {
  static const uint8_t fixed[] = {4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17}; /* ca to d8 */
  uint64_t left = 1;
  while (left-- > 0) {
    if (at >= end) return end;
    uint8_t tag = *at++;
    if (tag < 0x80 || tag >= 0xe0) continue;
    if (tag < 0x90) left += (tag & 15u) * 2;
    else if (tag < 0xa0) left += tag & 15u;
    else if (tag < 0xc0) at += tag & 31u;
    else if (tag < 0xc4) continue;
    else if (tag < 0xca) {
      uint32_t bytes = 1u << (tag - 0xc4) % 3;
      at += bytes + big(at, bytes) + (tag >= 0xc7);
    } else if (tag < 0xd9) at += fixed[tag - 0xca];
    else if (tag < 0xdc) at += (1u << (tag - 0xd9)) + big(at, 1u << (tag - 0xd9));
    else {
      uint32_t bytes = 2u << (tag & 1);
      left += big(at, bytes) << (tag >= 0xde);
      at += bytes;
    }
  }
  return at;
}

static void scan(const uint8_t *at, const uint8_t *end, const uint8_t *name, uint32_t length, uint64_t *out) {
  if ((*at & 0xf0) != 0x80 || length > 31) return;
  for (uint32_t left = *at++ & 15u; left > 0 && at < end; left--) {
    const uint8_t *value = skip(at, end);
    uint32_t i = 0;
    if (*at == (0xa0 | length)) {
      while (i < length && at[1 + i] == name[i]) i++;
      if (i == length) {
        out[0]++;
        if (*value < 0x80) out[1] += *value;
        else if (*value >= 0xcc && *value <= 0xcf) out[1] += big(value + 1, 1u << (*value - 0xcc));
        return;
      }
    }
    at = skip(value, end);
  }
}

LLMDB_EXPORT(reduce_pages)
int32_t reduce_pages(const llmdb_frame *in, uint32_t in_length, uint64_t *out, uint32_t capacity) {
  if (capacity < 16) return LLMDB_TOO_SMALL;
  if (in->acc_length == 0) out[0] = out[1] = 0;
  for (uint32_t p = 0; p < in->count; p++) {
    const llmdb_leaf *page = llmdb_page(in, p);
    const llmdb_slot *slots = llmdb_slots(page);
    for (uint32_t s = 0; s < page->count; s++) {
      const uint8_t *value = llmdb_value(page, &slots[s]);
      if (llmdb_is_large(page, &slots[s])) continue;
      scan(value, value + llmdb_value_length(page, &slots[s]), llmdb_arg(in), in->arg_length, out);
    }
  }
  return 16;
}
