;; reduce_pages: number, sum, least and greatest of a field of MessagePack objects, such as `amount` in
;; { amount: 12.5 }.
;;
;; input   leaf pages of a map with MessagePack values; argument: the name of the field in UTF-8, "amount"
;; output  40 bytes: u64 count, f64 sum, f64 least, f64 greatest, u64 unread. Values without the field, or where it is
;;         no number, do not count. Unread are values too long for their page. Without any: sum 0, least Infinity,
;;         greatest -Infinity
;;
;; Sums of integers below 2^53 are exact. Sums of fractions are rounded at each step, so they depend on the order.
(module
  (memory (export "memory") 1)
  (global $heap (mut i32) (i32.const 1024))

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

  (func (export "reduce_pages") (param $in i32) (param $in_len i32) (param $out i32) (param $cap i32) (result i32)
    (local $page i32) (local $left i32)
    (if (i32.lt_u (local.get $cap) (i32.const 40)) (then (return (i32.const -2))))
    (if (i32.eqz (i32.load offset=48 (local.get $in))) (then (call $clear (local.get $out))))
    (local.set $page (i32.add (local.get $in) (i32.load offset=12 (local.get $in))))
    (local.set $left (i32.load offset=4 (local.get $in)))
    (block $done
      (loop $each
        (br_if $done (i32.eqz (local.get $left)))
        (call $add_page (local.get $page) (local.get $out)
          (i32.add (local.get $in) (i32.load offset=16 (local.get $in)))
          (i32.load offset=20 (local.get $in)))
        (local.set $page (i32.add (local.get $page) (i32.load offset=8 (local.get $in))))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $each)))
    (i32.const 40))

  (func (export "reduce_merge") (param $in i32) (param $in_len i32) (param $out i32) (param $cap i32) (result i32)
    (local $data i32)
    (if (i32.lt_u (local.get $cap) (i32.const 40)) (then (return (i32.const -2))))
    (local.set $data (i32.add (local.get $in) (i32.load offset=12 (local.get $in))))
    (call $clear (local.get $out))
    ;; Either side is empty where its part had no page.
    (if (i32.load (local.get $data))
      (then (call $join (local.get $out) (i32.add (local.get $data) (i32.const 8)))))
    (if (i32.load offset=4 (local.get $data))
      (then
        (call $join (local.get $out)
          (i32.add (local.get $data) (i32.add (i32.const 8) (i32.load (local.get $data)))))))
    (i32.const 40))

  (func $clear (param $to i32)
    (memory.fill (local.get $to) (i32.const 0) (i32.const 40))
    (f64.store offset=16 (local.get $to) (f64.const inf))
    (f64.store offset=24 (local.get $to) (f64.const -inf)))

  (func $join (param $to i32) (param $from i32)
    (i64.store (local.get $to) (i64.add (i64.load (local.get $to)) (i64.load (local.get $from))))
    (f64.store offset=8 (local.get $to)
      (f64.add (f64.load offset=8 (local.get $to)) (f64.load offset=8 (local.get $from))))
    (f64.store offset=16 (local.get $to)
      (f64.min (f64.load offset=16 (local.get $to)) (f64.load offset=16 (local.get $from))))
    (f64.store offset=24 (local.get $to)
      (f64.max (f64.load offset=24 (local.get $to)) (f64.load offset=24 (local.get $from))))
    (i64.store offset=32 (local.get $to)
      (i64.add (i64.load offset=32 (local.get $to)) (i64.load offset=32 (local.get $from)))))

  (func $add_page (param $page i32) (param $to i32) (param $name i32) (param $name_length i32)
    (local $slot i32) (local $left i32) (local $cell i32) (local $tail i32) (local $length i32) (local $value i32)
    (local.set $slot
      (i32.add
        (i32.add (local.get $page) (i32.const 32))
        (i32.and (i32.add (i32.load16_u offset=16 (local.get $page)) (i32.const 3)) (i32.const -4))))
    (local.set $left (i32.load16_u offset=2 (local.get $page)))
    (block $done
      (loop $each
        (br_if $done (i32.eqz (local.get $left)))
        (local.set $cell (i32.add (local.get $page) (i32.load16_u offset=4 (local.get $slot))))
        (local.set $length (i32.load16_u (local.get $cell)))
        (if (i32.and (local.get $length) (i32.const 0x8000))
          (then
            (i64.store offset=32 (local.get $to) (i64.add (i64.load offset=32 (local.get $to)) (i64.const 1))))
          (else
            ;; The tail of the key comes before the value.
            (local.set $tail (i32.sub (i32.load16_u offset=6 (local.get $slot)) (i32.const 4)))
            (if (i32.lt_s (local.get $tail) (i32.const 0)) (then (local.set $tail (i32.const 0))))
            (local.set $value (i32.add (i32.add (local.get $cell) (i32.const 2)) (local.get $tail)))
            (local.set $value
              (call $find (local.get $value) (i32.add (local.get $value) (local.get $length))
                (local.get $name) (local.get $name_length)))
            (if (local.get $value)
              (then
                (if (call $is_number (local.get $value))
                  (then (call $add (local.get $to) (call $number (local.get $value)))))))))
        (local.set $slot (i32.add (local.get $slot) (i32.const 8)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $each))))

  (func $add (param $to i32) (param $x f64)
    (i64.store (local.get $to) (i64.add (i64.load (local.get $to)) (i64.const 1)))
    (f64.store offset=8 (local.get $to) (f64.add (f64.load offset=8 (local.get $to)) (local.get $x)))
    (f64.store offset=16 (local.get $to) (f64.min (f64.load offset=16 (local.get $to)) (local.get $x)))
    (f64.store offset=24 (local.get $to) (f64.max (f64.load offset=24 (local.get $to)) (local.get $x))))

  ;; MessagePack from here on. All numbers in it are big-endian.

  (func $u16 (param $at i32) (result i32)
    (i32.or
      (i32.shl (i32.load8_u (local.get $at)) (i32.const 8))
      (i32.load8_u offset=1 (local.get $at))))

  (func $u32 (param $at i32) (result i32)
    (i32.or
      (i32.shl (call $u16 (local.get $at)) (i32.const 16))
      (call $u16 (i32.add (local.get $at) (i32.const 2)))))

  (func $u64 (param $at i32) (result i64)
    (i64.or
      (i64.shl (i64.extend_i32_u (call $u32 (local.get $at))) (i64.const 32))
      (i64.extend_i32_u (call $u32 (i32.add (local.get $at) (i32.const 4))))))

  ;; 00-7f and e0-ff are integers themselves; ca, cb are floats, cc-cf unsigned, d0-d3 signed integers.
  (func $is_number (param $at i32) (result i32)
    (local $tag i32)
    (local.set $tag (i32.load8_u (local.get $at)))
    (i32.or
      (i32.or (i32.lt_u (local.get $tag) (i32.const 0x80)) (i32.ge_u (local.get $tag) (i32.const 0xe0)))
      (i32.lt_u (i32.sub (local.get $tag) (i32.const 0xca)) (i32.const 10))))

  (func $number (param $at i32) (result f64)
    (local $tag i32) (local $data i32)
    (local.set $tag (i32.load8_u (local.get $at)))
    (local.set $data (i32.add (local.get $at) (i32.const 1)))
    (block $i64
      (block $i32
        (block $i16
          (block $i8
            (block $u64
              (block $u32
                (block $u16
                  (block $u8
                    (block $f64
                      (block $f32
                        (block $fix
                          (br_table $f32 $f64 $u8 $u16 $u32 $u64 $i8 $i16 $i32 $i64 $fix
                            (i32.sub (local.get $tag) (i32.const 0xca))))
                        (return (f64.convert_i32_s (i32.load8_s (local.get $at)))))
                      (return (f64.promote_f32 (f32.reinterpret_i32 (call $u32 (local.get $data))))))
                    (return (f64.reinterpret_i64 (call $u64 (local.get $data)))))
                  (return (f64.convert_i32_u (i32.load8_u (local.get $data)))))
                (return (f64.convert_i32_u (call $u16 (local.get $data)))))
              (return (f64.convert_i32_u (call $u32 (local.get $data)))))
            (return (f64.convert_i64_u (call $u64 (local.get $data)))))
          (return (f64.convert_i32_s (i32.load8_s (local.get $data)))))
        (return (f64.convert_i32_s (i32.extend16_s (call $u16 (local.get $data))))))
      (return (f64.convert_i32_s (call $u32 (local.get $data)))))
    (f64.convert_i64_s (call $u64 (local.get $data))))

  ;; Where the value of the field starts in the object from `at` to `end`, or 0.
  (func $find (param $at i32) (param $end i32) (param $name i32) (param $length i32) (result i32)
    (local $tag i32) (local $left i32) (local $text i32)
    (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (i32.const 0))))
    (local.set $tag (i32.load8_u (local.get $at)))
    (local.set $at (i32.add (local.get $at) (i32.const 1)))
    (block $counted
      (if (i32.eq (i32.and (local.get $tag) (i32.const 0xf0)) (i32.const 0x80))
        (then
          (local.set $left (i32.and (local.get $tag) (i32.const 15)))
          (br $counted)))
      (if (i32.eq (local.get $tag) (i32.const 0xde))
        (then
          (local.set $left (call $u16 (local.get $at)))
          (local.set $at (i32.add (local.get $at) (i32.const 2)))
          (br $counted)))
      (if (i32.eq (local.get $tag) (i32.const 0xdf))
        (then
          (local.set $left (call $u32 (local.get $at)))
          (local.set $at (i32.add (local.get $at) (i32.const 4)))
          (br $counted)))
      (return (i32.const 0)))
    (block $absent
      (loop $each
        (br_if $absent (i32.or (i32.eqz (local.get $left)) (i32.ge_u (local.get $at) (local.get $end))))
        ;; A name ends where the next value starts, so its text is the last `length` bytes before that.
        (local.set $text (local.get $at))
        (local.set $at (call $skip (local.get $at) (local.get $end)))
        (br_if $absent (i32.ge_u (local.get $at) (local.get $end)))
        (if (i32.eq (call $head (local.get $text) (local.get $length)) (i32.sub (local.get $at) (local.get $text)))
          (then
            (if (call $same (i32.sub (local.get $at) (local.get $length)) (local.get $name) (local.get $length))
              (then (return (local.get $at))))))
        (local.set $at (call $skip (local.get $at) (local.get $end)))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $each)))
    (i32.const 0))

  ;; How many bytes a text of `length` bytes would be whose first byte is at `at`, that byte included; 0 for no text.
  (func $head (param $at i32) (param $length i32) (result i32)
    (local $tag i32)
    (local.set $tag (i32.load8_u (local.get $at)))
    (if (i32.eq (i32.and (local.get $tag) (i32.const 0xe0)) (i32.const 0xa0))
      (then (return (i32.add (local.get $length) (i32.const 1)))))
    ;; d9, da, db: the length takes 1, 2, 4 bytes.
    (local.set $tag (i32.sub (local.get $tag) (i32.const 0xd9)))
    (if (i32.gt_u (local.get $tag) (i32.const 2)) (then (return (i32.const 0))))
    (i32.add (i32.add (local.get $length) (i32.const 1)) (i32.shl (i32.const 1) (local.get $tag))))

  (func $same (param $a i32) (param $b i32) (param $length i32) (result i32)
    (block $yes
      (loop $next
        (br_if $yes (i32.eqz (local.get $length)))
        (local.set $length (i32.sub (local.get $length) (i32.const 1)))
        (if (i32.ne
              (i32.load8_u (i32.add (local.get $a) (local.get $length)))
              (i32.load8_u (i32.add (local.get $b) (local.get $length))))
          (then (return (i32.const 0))))
        (br $next)))
    (i32.const 1))

  ;; Where the value at `at` ends; `end` or more where it does not end before. Values inside values are counted, not
  ;; visited by calls, so depth costs nothing.
  (func $skip (param $at i32) (param $end i32) (result i32)
    (local $left i64) (local $tag i32) (local $data i32)
    (local.set $left (i64.const 1))
    (loop $next
      (if (i32.ge_u (local.get $at) (local.get $end)) (then (return (local.get $end))))
      (local.set $tag (i32.load8_u (local.get $at)))
      (local.set $data (i32.add (local.get $at) (i32.const 1)))
      (local.set $left (i64.sub (local.get $left) (i64.const 1)))
      (local.set $at (i32.add (local.get $data) (call $body (local.get $tag) (local.get $data))))
      (local.set $left (i64.add (local.get $left) (call $children (local.get $tag) (local.get $data))))
      (br_if $next (i64.ne (local.get $left) (i64.const 0))))
    (local.get $at))

  ;; How many bytes follow the tag, without what the value has inside.
  (func $body (param $tag i32) (param $data i32) (result i32)
    (if (i32.or (i32.lt_u (local.get $tag) (i32.const 0xa0)) (i32.ge_u (local.get $tag) (i32.const 0xe0)))
      (then (return (i32.const 0))))
    (if (i32.lt_u (local.get $tag) (i32.const 0xc0))
      (then (return (i32.and (local.get $tag) (i32.const 31)))))
    (block $none
      (block $sized32x
        (block $sized16x
          (block $sized8x
            (block $sized32
              (block $sized16
                (block $sized8
                  (block $fixed
                    (br_table $none $none $none $none $sized8 $sized16 $sized32 $sized8x $sized16x $sized32x
                      $fixed $fixed $fixed $fixed $fixed $fixed $fixed $fixed $fixed $fixed
                      $fixed $fixed $fixed $fixed $fixed $sized8 $sized16 $sized32
                      $fixed $fixed $fixed $fixed
                      $none
                      (i32.sub (local.get $tag) (i32.const 0xc0))))
                  ;; Tags ca to df: the bytes of ca, cb, cc ... in order.
                  (return (i32.load8_u (i32.sub (local.get $tag) (i32.const 0xba)))))
                (return (i32.add (i32.load8_u (local.get $data)) (i32.const 1))))
              (return (i32.add (call $u16 (local.get $data)) (i32.const 2))))
            (return (i32.add (call $u32 (local.get $data)) (i32.const 4))))
          (return (i32.add (i32.load8_u (local.get $data)) (i32.const 2))))
        (return (i32.add (call $u16 (local.get $data)) (i32.const 3))))
      (return (i32.add (call $u32 (local.get $data)) (i32.const 5))))
    (i32.const 0))
  ;; At byte 16, for tags ca to df.
  (data (i32.const 16) "\04\08\01\02\04\08\01\02\04\08\02\03\05\09\11\00\00\00\02\04\02\04")

  ;; How many values are inside.
  (func $children (param $tag i32) (param $data i32) (result i64)
    (local $count i64)
    (if (i32.eq (i32.and (local.get $tag) (i32.const 0xf0)) (i32.const 0x80))
      (then (return (i64.extend_i32_u (i32.shl (i32.and (local.get $tag) (i32.const 15)) (i32.const 1))))))
    (if (i32.eq (i32.and (local.get $tag) (i32.const 0xf0)) (i32.const 0x90))
      (then (return (i64.extend_i32_u (i32.and (local.get $tag) (i32.const 15))))))
    ;; dc, dd: an array with u16, u32 elements; de, df: an object with so many pairs.
    (if (i32.gt_u (i32.sub (local.get $tag) (i32.const 0xdc)) (i32.const 3)) (then (return (i64.const 0))))
    (if (i32.and (local.get $tag) (i32.const 1))
      (then (local.set $count (i64.extend_i32_u (call $u32 (local.get $data)))))
      (else (local.set $count (i64.extend_i32_u (call $u16 (local.get $data))))))
    (i64.shl (local.get $count) (i64.extend_i32_u (i32.ge_u (local.get $tag) (i32.const 0xde))))))
