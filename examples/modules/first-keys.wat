;; map_pages: walks all slots of each page and joins the heads of its keys. Every slot is read, with SIMD two at a
;; time. It is the kernel behind the figure for pages a second.
;;
;; input   leaf pages; no argument
;; output  for each page u32 count, u32 heads: the exclusive or of the heads of all slots. A head is the first four
;;         bytes of the key behind the prefix of the page
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

  (func (export "map_pages") (param $in i32) (param $in_len i32) (param $out i32) (param $cap i32) (result i32)
    (local $page i32) (local $count i32) (local $at i32) (local $stride i32) (local $end i32)
    (if (i32.gt_u (i32.shl (i32.load offset=4 (local.get $in)) (i32.const 3)) (local.get $cap))
      (then (return (i32.const -2))))
    (local.set $page (i32.add (local.get $in) (i32.load offset=12 (local.get $in))))
    (local.set $stride (i32.load offset=8 (local.get $in)))
    (local.set $at (local.get $out))
    (local.set $end
      (i32.add (local.get $out) (i32.shl (i32.load offset=4 (local.get $in)) (i32.const 3))))
    (block $done
      (loop $each
        (br_if $done (i32.eq (local.get $at) (local.get $end)))
        (local.set $count (i32.load16_u offset=2 (local.get $page)))
        (i32.store (local.get $at) (local.get $count))
        (i32.store offset=4 (local.get $at) (call $heads (local.get $page) (local.get $count)))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (local.set $page (i32.add (local.get $page) (local.get $stride)))
        (br $each)))
    (i32.sub (local.get $end) (local.get $out)))

  ;; The exclusive or of the heads of `count` slots: eight slots a turn, then one by one.
  (func $heads (param $page i32) (param $count i32) (result i32)
    (local $slot i32) (local $end i32) (local $turns i32) (local $all v128) (local $rest i32)
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
          (v128.xor
            (v128.xor
              (v128.xor (v128.load (local.get $slot)) (v128.load offset=16 (local.get $slot)))
              (v128.xor (v128.load offset=32 (local.get $slot)) (v128.load offset=48 (local.get $slot))))
            (local.get $all)))
        (local.set $slot (i32.add (local.get $slot) (i32.const 64)))
        (local.set $turns (i32.sub (local.get $turns) (i32.const 1)))
        (br $eight)))
    (block $done
      (loop $one
        (br_if $done (i32.ge_u (local.get $slot) (local.get $end)))
        (local.set $rest (i32.xor (local.get $rest) (i32.load (local.get $slot))))
        (local.set $slot (i32.add (local.get $slot) (i32.const 8)))
        (br $one)))
    ;; Heads are the even lanes; the odd ones hold places and lengths of cells.
    (i32.xor
      (local.get $rest)
      (i32.xor (i32x4.extract_lane 0 (local.get $all)) (i32x4.extract_lane 2 (local.get $all))))))
