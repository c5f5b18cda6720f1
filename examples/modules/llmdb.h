/*
 * llmdb_abi_v1 for C: the frame, leaf pages, changes, records, index keys and encoded keys, all read and written where
 * they lie. One file of static inline functions, for clang --target=wasm32 -nostdlib -mbulk-memory.
 *
 * LLMDB_MODULE defines the exports that each module has: llmdb_abi_v1 and llmdb_alloc. Write it once, in one file.
 */
#ifndef LLMDB_H
#define LLMDB_H

#include <stddef.h>
#include <stdint.h>

#define LLMDB_EXPORT(name) __attribute__((export_name(#name)))
#define LLMDB_IMPORT(name) __attribute__((import_module("llmdb"), import_name(#name)))

/* What a call returns where the out window is too small, and where it refuses. */
enum { LLMDB_ABORT = -1, LLMDB_TOO_SMALL = -2 };
enum { LLMDB_MAP_PAGES = 1, LLMDB_REDUCE_PAGES, LLMDB_REDUCE_MERGE, LLMDB_TX_HOOK, LLMDB_CUSTOM_INDEX };
enum { LLMDB_CLOCK = 1, LLMDB_LOG = 2, LLMDB_GET = 4 };
enum { LLMDB_INSERT = 1, LLMDB_REPLACE = 2, LLMDB_DELETE = 3 };
enum { LLMDB_PUT = 1, LLMDB_REMOVE = 2 };
#define LLMDB_NONE 0xffffffffu

/* The first 64 bytes of the in window. */
typedef struct {
  uint16_t abi, call;
  uint32_t count, page_size, data_offset, arg_offset, arg_length;
  uint64_t snapshot_tx, clock_micros;
  uint32_t capabilities, flags, acc_length;
  uint8_t zero[12];
} llmdb_frame;
_Static_assert(sizeof(llmdb_frame) == 64, "a frame has 64 bytes");

/* The first 32 bytes of a leaf page. */
typedef struct {
  uint8_t type, level;
  uint16_t count, number[3], tx[3], prefix_length, bounds;
  uint32_t cell_start, dead_bytes, zero;
} llmdb_leaf;
_Static_assert(sizeof(llmdb_leaf) == 32, "a page header has 32 bytes");

typedef struct {
  uint32_t head;
  uint16_t cell, suffix;
} llmdb_slot;

typedef struct {
  uint32_t bytes;
  uint16_t op, map;
  uint32_t key_length, old_length, new_length, zero;
  int64_t valid_from_micros, valid_to_micros;
  uint8_t key[];
} llmdb_change;
_Static_assert(sizeof(llmdb_change) == 40, "the head of a change has 40 bytes");

typedef struct {
  uint32_t bytes;
  uint16_t op, map;
  uint32_t key_length, value_length;
  uint8_t key[];
} llmdb_derived;

typedef struct {
  uint32_t bytes, zero, key_length, value_length;
  uint8_t key[];
} llmdb_record;

typedef struct {
  uint32_t bytes, record, key_length, zero;
  uint8_t key[];
} llmdb_index_key;

/* Imports. A module that does not call them does not import them. */
LLMDB_IMPORT(clock_us) int64_t llmdb_clock_us(void);
LLMDB_IMPORT(log) void llmdb_log(const void *text, uint32_t length);
LLMDB_IMPORT(get) int32_t llmdb_get(const void *key, uint32_t key_length, void *to, uint32_t capacity);
LLMDB_IMPORT(get_from)
int32_t llmdb_get_from(uint32_t map, const void *key, uint32_t key_length, void *to, uint32_t capacity);

static inline size_t llmdb_pad8(size_t n) { return (n + 7) & ~(size_t)7; }
static inline const uint8_t *llmdb_at(const llmdb_frame *frame, uint32_t offset) {
  return (const uint8_t *)frame + offset;
}
static inline const uint8_t *llmdb_data(const llmdb_frame *frame) { return llmdb_at(frame, frame->data_offset); }
static inline const uint8_t *llmdb_arg(const llmdb_frame *frame) { return llmdb_at(frame, frame->arg_offset); }

/* Leaf pages. */

static inline const llmdb_leaf *llmdb_page(const llmdb_frame *frame, uint32_t index) {
  return (const llmdb_leaf *)(llmdb_data(frame) + (size_t)index * frame->page_size);
}
/* The slots of a page, page->count of them. They start at a multiple of 4. */
static inline const llmdb_slot *llmdb_slots(const llmdb_leaf *page) {
  return (const llmdb_slot *)((const uint8_t *)(page + 1) + ((page->prefix_length + 3u) & ~3u));
}
static inline const uint8_t *llmdb_prefix(const llmdb_leaf *page) { return (const uint8_t *)(page + 1); }
static inline uint32_t llmdb_tail_length(const llmdb_slot *slot) { return slot->suffix > 4 ? slot->suffix - 4u : 0; }
static inline const uint8_t *llmdb_cell(const llmdb_leaf *page, const llmdb_slot *slot) {
  return (const uint8_t *)page + slot->cell;
}
static inline uint32_t llmdb_cell_word(const llmdb_leaf *page, const llmdb_slot *slot) {
  const uint8_t *cell = llmdb_cell(page, slot);
  return cell[0] | (uint32_t)cell[1] << 8;
}
static inline uint32_t llmdb_key_length(const llmdb_leaf *page, const llmdb_slot *slot) {
  return (uint32_t)page->prefix_length + slot->suffix;
}
/* Copies the key to `to`, which needs room for 4 bytes more than it has; its length. */
static inline uint32_t llmdb_copy_key(const llmdb_leaf *page, const llmdb_slot *slot, uint8_t *to) {
  uint32_t head = __builtin_bswap32(slot->head);
  __builtin_memcpy(to, llmdb_prefix(page), page->prefix_length);
  __builtin_memcpy(to + page->prefix_length, &head, 4);
  __builtin_memcpy(to + page->prefix_length + 4, llmdb_cell(page, slot) + 2, llmdb_tail_length(slot));
  return llmdb_key_length(page, slot);
}
/* Whether the value lies outside of the page: llmdb_get reads it. */
static inline int llmdb_is_large(const llmdb_leaf *page, const llmdb_slot *slot) {
  return (llmdb_cell_word(page, slot) & 0x8000) != 0;
}
static inline uint32_t llmdb_value_length(const llmdb_leaf *page, const llmdb_slot *slot) {
  return llmdb_cell_word(page, slot) & 0x7fff;
}
static inline const uint8_t *llmdb_value(const llmdb_leaf *page, const llmdb_slot *slot) {
  return llmdb_cell(page, slot) + 2 + llmdb_tail_length(slot);
}

/* Changes, derived writes, records, index keys. */

static inline const llmdb_change *llmdb_first_change(const llmdb_frame *frame) {
  return (const llmdb_change *)llmdb_data(frame);
}
static inline const llmdb_change *llmdb_next_change(const llmdb_change *change) {
  return (const llmdb_change *)((const uint8_t *)change + change->bytes);
}
static inline const uint8_t *llmdb_old_value(const llmdb_change *change) { return change->key + change->key_length; }
static inline const uint8_t *llmdb_new_value(const llmdb_change *change) {
  return llmdb_old_value(change) + (change->old_length == LLMDB_NONE ? 0 : change->old_length);
}
static inline const llmdb_record *llmdb_first_record(const llmdb_frame *frame) {
  return (const llmdb_record *)llmdb_data(frame);
}
static inline const llmdb_record *llmdb_next_record(const llmdb_record *record) {
  return (const llmdb_record *)((const uint8_t *)record + record->bytes);
}
static inline const uint8_t *llmdb_record_value(const llmdb_record *record) { return record->key + record->key_length; }

/* The out window. `at` goes on behind what is written; the functions give NULL where there is no room. */
typedef struct {
  uint8_t *start, *at, *end;
} llmdb_out;

static inline llmdb_out llmdb_open_out(void *out, uint32_t capacity) {
  uint8_t *start = (uint8_t *)out;
  return (llmdb_out){start, start, start + capacity};
}
static inline int32_t llmdb_written(const llmdb_out *out) { return (int32_t)(out->at - out->start); }
static inline uint8_t *llmdb_reserve(llmdb_out *out, size_t bytes) {
  if (bytes > (size_t)(out->end - out->at)) return NULL;
  uint8_t *at = out->at;
  __builtin_memset(at, 0, bytes);
  out->at += bytes;
  return at;
}
/* A derived write. Fill in key_length bytes of key, and the value right behind. */
static inline uint8_t *llmdb_derive(llmdb_out *out, int op, int map, uint32_t key_length, uint32_t value_length) {
  size_t bytes = llmdb_pad8(sizeof(llmdb_derived) + (size_t)key_length + value_length);
  llmdb_derived *derived = (llmdb_derived *)llmdb_reserve(out, bytes);
  if (derived == NULL) return NULL;
  *derived = (llmdb_derived){(uint32_t)bytes, (uint16_t)op, (uint16_t)map, key_length, value_length};
  return derived->key;
}
/* An index key of a record, counted from 0. Fill in key_length bytes. */
static inline uint8_t *llmdb_add_index_key(llmdb_out *out, uint32_t record, uint32_t key_length) {
  size_t bytes = llmdb_pad8(sizeof(llmdb_index_key) + key_length);
  llmdb_index_key *key = (llmdb_index_key *)llmdb_reserve(out, bytes);
  if (key == NULL) return NULL;
  *key = (llmdb_index_key){(uint32_t)bytes, record, key_length, 0};
  return key->key;
}
/* Refuses: return llmdb_refuse(&out, "why", 3). */
static inline int32_t llmdb_refuse(llmdb_out *out, const char *message, uint32_t length) {
  out->at = out->start;
  uint8_t *at = llmdb_reserve(out, 4 + (size_t)length);
  if (at == NULL) return LLMDB_TOO_SMALL;
  __builtin_memcpy(at, &length, 4);
  __builtin_memcpy(at + 4, message, length);
  return LLMDB_ABORT;
}

/* Encoded keys, as docs/keys.md has them. */

/* Bytes of an encoded number, tags 05 to 1b. */
static inline size_t llmdb_number_bytes(const uint8_t *at) {
  uint8_t flip = at[0] < 0x10 ? 0xff : 0;
  uint8_t tag = flip ? (uint8_t)(0x20 - at[0]) : at[0];
  if (tag == 0x10 || tag == 0x1b) return 1;
  if (tag == 0x11) return 9;
  if (tag == 0x1a) return 3 + ((size_t)(at[1] ^ flip) << 8 | (at[2] ^ flip));
  size_t whole = tag - 0x11u;
  return 1 + whole + ((at[whole] ^ flip) & 1 ? 7 : 0);
}
/* Where the element of a tuple that starts at `at` ends. */
static inline const uint8_t *llmdb_element_end(const uint8_t *at, const uint8_t *end) {
  int depth = 0;
  do {
    if (at >= end) return end;
    if (*at == 0x22) {
      depth++;
      at++;
    } else if (*at == 0) {
      depth--;
      at++;
    } else if (*at >= 0x20) {
      while (at < end && *at != 0) at++;
      at++;
    } else {
      at += *at <= 0x04 ? 1 : llmdb_number_bytes(at);
    }
  } while (depth > 0);
  return at < end ? at : end;
}
/* Writes an integer as a key, at most 11 bytes; its length. */
static inline size_t llmdb_integer_key(int64_t value, uint8_t *to) {
  uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  if (size == 0) return to[0] = 0x10, 1;
  if (size >> 63) { /* -2^63 alone is so long */
    static const uint8_t least[11] = {0x06, 0xff, 0xf7, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    return __builtin_memcpy(to, least, 11), 11;
  }
  size_t bytes = 8 - (size_t)__builtin_clzll(size << 1) / 8;
  uint8_t flip = value < 0 ? 0xff : 0;
  to[0] = (uint8_t)(value < 0 ? 0x0f - bytes : 0x11 + bytes);
  for (size_t i = 0; i < bytes; i++) to[1 + i] = (uint8_t)((size << 1) >> (8 * (bytes - 1 - i))) ^ flip;
  return 1 + bytes;
}

/* Memory: a region of n bytes behind the module's own. It is never given back. */
extern unsigned char __heap_base;

static inline void *llmdb_bump(uint32_t bytes) {
  static uint32_t heap = 0;
  uint32_t start = ((heap ? heap : (uint32_t)(uintptr_t)&__heap_base) + 15u) & ~15u;
  heap = start + bytes;
  uint32_t pages = (heap + 65535u) >> 16;
  uint32_t have = (uint32_t)__builtin_wasm_memory_size(0);
  if (pages > have && __builtin_wasm_memory_grow(0, pages - have) == (size_t)-1) __builtin_trap();
  return (void *)(uintptr_t)start;
}

#define LLMDB_MODULE                                                          \
  LLMDB_EXPORT(llmdb_abi_v1) int32_t llmdb_abi_v1(void) { return 1; }         \
  LLMDB_EXPORT(llmdb_alloc) void *llmdb_alloc(uint32_t n) { return llmdb_bump(n); }

#endif
