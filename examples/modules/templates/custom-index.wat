;; Template of custom_index. It says under which keys each record of a map is found. The host sorts the keys and keeps
;; the index up to date.
;;
;; input   frame, then at dataOffset `count` records: u32 bytes, u32 zero, u32 keyLength, u32 valueLength, key, value,
;;         padded to 8
;; output  for each index key: u32 bytes, u32 record (from 0), u32 keyLength, u32 zero, index key, padded to 8. As it
;;         stands: the stored value, as the index key of type bytes
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

  (func (export "custom_index") (param $in i32) (param $in_len i32) (param $out i32) (param $cap i32) (result i32)
    (local $record i32) (local $i i32) (local $at i32) (local $value i32) (local $bytes i32)
    (local.set $record (i32.add (local.get $in) (i32.load offset=12 (local.get $in))))
    (local.set $at (local.get $out))
    (block $done
      (loop $each
        (br_if $done (i32.eq (local.get $i) (i32.load offset=4 (local.get $in))))
        (local.set $value (i32.load offset=12 (local.get $record)))
        (local.set $bytes (i32.and (i32.add (local.get $value) (i32.const 24)) (i32.const -8)))
        (if (i32.gt_u
              (i32.add (local.get $at) (local.get $bytes))
              (i32.add (local.get $out) (local.get $cap)))
          (then (return (i32.const -2))))
        (i32.store (local.get $at) (local.get $bytes))
        (i32.store offset=4 (local.get $at) (local.get $i))
        (i32.store offset=8 (local.get $at) (i32.add (local.get $value) (i32.const 1)))
        (i32.store offset=12 (local.get $at) (i32.const 0))
        ;; An encoded key: tag 0x21, then the bytes.
        (i32.store8 offset=16 (local.get $at) (i32.const 0x21))
        (memory.copy
          (i32.add (local.get $at) (i32.const 17))
          (i32.add (i32.add (local.get $record) (i32.const 16)) (i32.load offset=8 (local.get $record)))
          (local.get $value))
        (local.set $at (i32.add (local.get $at) (local.get $bytes)))
        (local.set $record (i32.add (local.get $record) (i32.load (local.get $record))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br $each)))
    (i32.sub (local.get $at) (local.get $out))))
