;; Template of map_pages. The host copies leaf pages of a map into the in window and calls; what is written to the out
;; window is one chunk of the stream that db.modules.mapPages gives.
;;
;; input   frame (64 bytes), then at dataOffset `count` leaf pages of pageSize bytes each
;; output  as it stands: nothing. Write to out_ptr and return how many bytes; -2 if more than out_cap are needed
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
    (local $page i32) (local $pages_left i32) (local $slot i32) (local $slots_left i32)
    (local.set $page (i32.add (local.get $in) (i32.load offset=12 (local.get $in))))
    (local.set $pages_left (i32.load offset=4 (local.get $in)))
    (block $no_page
      (loop $each_page
        (br_if $no_page (i32.eqz (local.get $pages_left)))
        ;; The slots start behind the header and the common prefix, which is padded to 4.
        (local.set $slot
          (i32.add
            (i32.add (local.get $page) (i32.const 32))
            (i32.and (i32.add (i32.load16_u offset=16 (local.get $page)) (i32.const 3)) (i32.const -4))))
        (local.set $slots_left (i32.load16_u offset=2 (local.get $page)))
        (block $no_slot
          (loop $each_slot
            (br_if $no_slot (i32.eqz (local.get $slots_left)))
            ;; Here: head i32.load offset=0, cell i32.load16_u offset=4, suffix length i32.load16_u offset=6.
            (local.set $slot (i32.add (local.get $slot) (i32.const 8)))
            (local.set $slots_left (i32.sub (local.get $slots_left) (i32.const 1)))
            (br $each_slot)))
        (local.set $page (i32.add (local.get $page) (i32.load offset=8 (local.get $in))))
        (local.set $pages_left (i32.sub (local.get $pages_left) (i32.const 1)))
        (br $each_page)))
    (i32.const 0)))
