;; map_pages: the entries whose key starts with the argument.
;;
;; input   leaf pages; argument: the first bytes of encoded keys, 20 61 62 for the strings that start with "ab"
;; output  for each entry u32 keyLength, u32 valueLength, key, value; not padded. valueLength is 0xffffffff, and no
;;         value follows, where the value is too long for its page
(module
  (memory (export "memory") 1)
  (global $heap (mut i32) (i32.const 16384))

  (func (export "llmdb_abi_v1") (result i32)
    (i32.const 1))

  ;; A region of n bytes. The host calls this once, for both windows together, and again when a window has to grow.
  (func (export "llmdb_alloc") (param $n i32) (result i32)
    (local $at i32) (local $missing i32)
    (local.set $at (global.get $heap))
    (global.set $heap (i32.and (i32.add (i32.add (local.get $at) (local.get $n)) (i32.const 15)) (i32.const -16)))
    (local.set $missing
      (i32.sub (i32.shr_u (i32.add (global.get $heap) (i32.const 65535)) (i32.const 16)) (memory.size)))
    (if (i32.gt_s (local.get $missing) (i32.const 0))
      (then (if (i32.eq (memory.grow (local.get $missing)) (i32.const -1)) (then (unreachable)))))
    (local.get $at))

  ;; From byte 1024: the key at hand. The longest has 8,256 bytes.
  (global $key i32 (i32.const 1024))

  (func (export "map_pages") (param $in i32) (param $in_len i32) (param $out i32) (param $cap i32) (result i32)
    (local $page i32) (local $pages_left i32) (local $slot i32) (local $slots_left i32)
    (local $at i32) (local $arg i32) (local $arg_length i32)
    (local.set $arg (i32.add (local.get $in) (i32.load offset=16 (local.get $in))))
    (local.set $arg_length (i32.load offset=20 (local.get $in)))
    (local.set $page (i32.add (local.get $in) (i32.load offset=12 (local.get $in))))
    (local.set $pages_left (i32.load offset=4 (local.get $in)))
    (local.set $at (local.get $out))
    (block $no_page
      (loop $each_page
        (br_if $no_page (i32.eqz (local.get $pages_left)))
        ;; All keys of a page share its prefix, so it is copied once.
        (memory.copy
          (global.get $key)
          (i32.add (local.get $page) (i32.const 32))
          (i32.load16_u offset=16 (local.get $page)))
        (local.set $slot
          (i32.add
            (i32.add (local.get $page) (i32.const 32))
            (i32.and (i32.add (i32.load16_u offset=16 (local.get $page)) (i32.const 3)) (i32.const -4))))
        (local.set $slots_left (i32.load16_u offset=2 (local.get $page)))
        (block $no_slot
          (loop $each_slot
            (br_if $no_slot (i32.eqz (local.get $slots_left)))
            (if (call $starts (local.get $arg) (local.get $arg_length)
                  (call $read_key (local.get $page) (local.get $slot)))
              (then
                (local.set $at
                  (call $write (local.get $page) (local.get $slot)
                    (local.get $at) (i32.add (local.get $out) (local.get $cap))))
                (if (i32.eqz (local.get $at)) (then (return (i32.const -2))))))
            (local.set $slot (i32.add (local.get $slot) (i32.const 8)))
            (local.set $slots_left (i32.sub (local.get $slots_left) (i32.const 1)))
            (br $each_slot)))
        (local.set $page (i32.add (local.get $page) (i32.load offset=8 (local.get $in))))
        (local.set $pages_left (i32.sub (local.get $pages_left) (i32.const 1)))
        (br $each_page)))
    (i32.sub (local.get $at) (local.get $out)))

  ;; Puts the rest of the slot's key behind the prefix; the length of the whole key.
  (func $read_key (param $page i32) (param $slot i32) (result i32)
    (local $to i32) (local $head i32) (local $suffix i32)
    (local.set $to (i32.add (global.get $key) (i32.load16_u offset=16 (local.get $page))))
    (local.set $head (i32.load (local.get $slot)))
    (local.set $suffix (i32.load16_u offset=6 (local.get $slot)))
    ;; The head is a big-endian number in a little-endian word: its bytes are turned round.
    (i32.store (local.get $to)
      (i32.or
        (i32.and (i32.rotl (local.get $head) (i32.const 8)) (i32.const 0x00ff00ff))
        (i32.and (i32.rotr (local.get $head) (i32.const 8)) (i32.const 0xff00ff00))))
    (if (i32.gt_u (local.get $suffix) (i32.const 4))
      (then
        (memory.copy
          (i32.add (local.get $to) (i32.const 4))
          (i32.add (i32.add (local.get $page) (i32.load16_u offset=4 (local.get $slot))) (i32.const 2))
          (i32.sub (local.get $suffix) (i32.const 4)))))
    (i32.add (i32.load16_u offset=16 (local.get $page)) (local.get $suffix)))

  ;; Whether the key, of so many bytes, starts with the argument.
  (func $starts (param $arg i32) (param $arg_length i32) (param $length i32) (result i32)
    (local $i i32)
    (if (i32.gt_u (local.get $arg_length) (local.get $length)) (then (return (i32.const 0))))
    (block $same
      (loop $next
        (br_if $same (i32.eq (local.get $i) (local.get $arg_length)))
        (if (i32.ne
              (i32.load8_u (i32.add (global.get $key) (local.get $i)))
              (i32.load8_u (i32.add (local.get $arg) (local.get $i))))
          (then (return (i32.const 0))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $next)))
    (i32.const 1))

  ;; Writes the entry; where the next one goes, or 0 if there is no room.
  (func $write (param $page i32) (param $slot i32) (param $at i32) (param $end i32) (result i32)
    (local $cell i32) (local $key i32) (local $tail i32) (local $value i32) (local $field i32)
    (local.set $cell (i32.add (local.get $page) (i32.load16_u offset=4 (local.get $slot))))
    (local.set $tail (i32.sub (i32.load16_u offset=6 (local.get $slot)) (i32.const 4)))
    (if (i32.lt_s (local.get $tail) (i32.const 0)) (then (local.set $tail (i32.const 0))))
    (local.set $key
      (i32.add (i32.load16_u offset=16 (local.get $page)) (i32.load16_u offset=6 (local.get $slot))))
    (local.set $value (i32.load16_u (local.get $cell)))
    (local.set $field (local.get $value))
    (if (i32.and (local.get $value) (i32.const 0x8000))
      (then
        (local.set $value (i32.const 0))
        (local.set $field (i32.const -1))))
    (if (i32.gt_u
          (i32.add (i32.add (local.get $at) (i32.const 8)) (i32.add (local.get $key) (local.get $value)))
          (local.get $end))
      (then (return (i32.const 0))))
    (i32.store (local.get $at) (local.get $key))
    (i32.store offset=4 (local.get $at) (local.get $field))
    (local.set $at (i32.add (local.get $at) (i32.const 8)))
    (memory.copy (local.get $at) (global.get $key) (local.get $key))
    (local.set $at (i32.add (local.get $at) (local.get $key)))
    (memory.copy
      (local.get $at)
      (i32.add (i32.add (local.get $cell) (i32.const 2)) (local.get $tail))
      (local.get $value))
    (i32.add (local.get $at) (local.get $value))))
