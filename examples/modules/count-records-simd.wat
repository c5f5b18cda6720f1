;; reduce_pages: counts records and sums the heads of their slots, two slots at a time with SIMD.
;; count-records.wat is the same without SIMD. The sum is
;; there so that every slot is read: the number alone stands in the header of the page.
;;
;; input   leaf pages; no argument
;; output  16 bytes: u64 records, u64 sum of the heads. Heads are the key bytes behind the prefix of a page, so the sum
;;         depends on how keys are spread over pages
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
    (local $page i32) (local $left i32) (local $count i32) (local $records i64) (local $sum i64)
    (if (i32.lt_u (local.get $cap) (i32.const 16)) (then (return (i32.const -2))))
    (if (i32.load offset=48 (local.get $in))
      (then
        (local.set $records (i64.load (local.get $out)))
        (local.set $sum (i64.load offset=8 (local.get $out)))))
    (local.set $page (i32.add (local.get $in) (i32.load offset=12 (local.get $in))))
    (local.set $left (i32.load offset=4 (local.get $in)))
    (block $done
      (loop $each
        (br_if $done (i32.eqz (local.get $left)))
        (local.set $count (i32.load16_u offset=2 (local.get $page)))
        (local.set $records (i64.add (local.get $records) (i64.extend_i32_u (local.get $count))))
        (local.set $sum (i64.add (local.get $sum) (call $heads (local.get $page) (local.get $count))))
        (local.set $page (i32.add (local.get $page) (i32.load offset=8 (local.get $in))))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $each)))
    (i64.store (local.get $out) (local.get $records))
    (i64.store offset=8 (local.get $out) (local.get $sum))
    (i32.const 16))

  ;; The sum of the heads of `count` slots: eight slots a turn, then one by one.
  (func $heads (param $page i32) (param $count i32) (result i64)
    (local $slot i32) (local $end i32) (local $turns i32) (local $all v128) (local $mask v128) (local $rest i64)
    (local.set $mask (v128.const i64x2 0xffffffff 0xffffffff))
    (local.set $slot
      (i32.add
        (i32.add (local.get $page) (i32.const 32))
        (i32.and (i32.add (i32.load16_u offset=16 (local.get $page)) (i32.const 3)) (i32.const -4))))
    (local.set $end (i32.add (local.get $slot) (i32.shl (local.get $count) (i32.const 3))))
    (local.set $turns (i32.shr_u (local.get $count) (i32.const 3)))
    (block $few
      (loop $eight
        (br_if $few (i32.eqz (local.get $turns)))
        (local.set $all
          (i64x2.add
            (i64x2.add
              (i64x2.add
                (v128.and (v128.load (local.get $slot)) (local.get $mask))
                (v128.and (v128.load offset=16 (local.get $slot)) (local.get $mask)))
              (i64x2.add
                (v128.and (v128.load offset=32 (local.get $slot)) (local.get $mask))
                (v128.and (v128.load offset=48 (local.get $slot)) (local.get $mask))))
            (local.get $all)))
        (local.set $slot (i32.add (local.get $slot) (i32.const 64)))
        (local.set $turns (i32.sub (local.get $turns) (i32.const 1)))
        (br $eight)))
    (block $done
      (loop $one
        (br_if $done (i32.ge_u (local.get $slot) (local.get $end)))
        (local.set $rest (i64.add (local.get $rest) (i64.load32_u (local.get $slot))))
        (local.set $slot (i32.add (local.get $slot) (i32.const 8)))
        (br $one)))
    (i64.add
      (local.get $rest)
      (i64.add (i64x2.extract_lane 0 (local.get $all)) (i64x2.extract_lane 1 (local.get $all)))))

  (func (export "reduce_merge") (param $in i32) (param $in_len i32) (param $out i32) (param $cap i32) (result i32)
    (local $data i32)
    (if (i32.lt_u (local.get $cap) (i32.const 16)) (then (return (i32.const -2))))
    (local.set $data (i32.add (local.get $in) (i32.load offset=12 (local.get $in))))
    (v128.store (local.get $out) (v128.const i64x2 0 0))
    ;; Either side is empty where its part had no page.
    (if (i32.load (local.get $data))
      (then (call $add (local.get $out) (i32.add (local.get $data) (i32.const 8)))))
    (if (i32.load offset=4 (local.get $data))
      (then
        (call $add (local.get $out)
          (i32.add (local.get $data) (i32.add (i32.const 8) (i32.load (local.get $data)))))))
    (i32.const 16))

  (func $add (param $to i32) (param $from i32)
    (v128.store (local.get $to) (i64x2.add (v128.load (local.get $to)) (v128.load (local.get $from))))))
