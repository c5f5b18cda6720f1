;; Template of reduce_pages and reduce_merge. The accumulator stays in the out window from call to call, so it is
;; changed in place. reduce_merge joins the accumulators of two neighbouring parts of the range.
;;
;; input   reduce_pages: frame, then at dataOffset `count` leaf pages; accLength says what is in the out window
;;         reduce_merge: frame, then u32 leftLength, u32 rightLength, left padded to 8, right padded to 8
;; output  the accumulator; as it stands u64: how many records there are
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
    (if (i32.lt_u (local.get $cap) (i32.const 8)) (then (return (i32.const -2))))
    (if (i32.eqz (i32.load offset=48 (local.get $in))) (then (i64.store (local.get $out) (i64.const 0))))
    (local.set $page (i32.add (local.get $in) (i32.load offset=12 (local.get $in))))
    (local.set $left (i32.load offset=4 (local.get $in)))
    (block $done
      (loop $each_page
        (br_if $done (i32.eqz (local.get $left)))
        ;; templates/map-pages.wat shows how to walk the slots of the page.
        (i64.store (local.get $out)
          (i64.add (i64.load (local.get $out)) (i64.load16_u offset=2 (local.get $page))))
        (local.set $page (i32.add (local.get $page) (i32.load offset=8 (local.get $in))))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $each_page)))
    (i32.const 8))

  (func (export "reduce_merge") (param $in i32) (param $in_len i32) (param $out i32) (param $cap i32) (result i32)
    (local $data i32) (local $right i32)
    (if (i32.lt_u (local.get $cap) (i32.const 8)) (then (return (i32.const -2))))
    (local.set $data (i32.add (local.get $in) (i32.load offset=12 (local.get $in))))
    ;; right = data + 8 + leftLength padded to 8
    (local.set $right
      (i32.add
        (i32.add (local.get $data) (i32.const 8))
        (i32.and (i32.add (i32.load (local.get $data)) (i32.const 7)) (i32.const -8))))
    (i64.store (local.get $out) (i64.const 0))
    (if (i32.load (local.get $data)) (then (i64.store (local.get $out) (i64.load offset=8 (local.get $data)))))
    (if (i32.load offset=4 (local.get $data))
      (then
        (i64.store (local.get $out) (i64.add (i64.load (local.get $out)) (i64.load (local.get $right))))))
    (i32.const 8)))
