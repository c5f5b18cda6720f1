;; Template of tx_hook. It sees the changes of a transaction before they are committed, and may derive writes to other
;; maps or refuse the transaction.
;;
;; input   frame, then at dataOffset `count` changes: u32 bytes, u16 op (1 insert, 2 replace, 3 delete), u16 map,
;;         u32 keyLength, u32 oldLength, u32 newLength, u32 zero, i64 validFrom, i64 validTo, key, old, new, padded to 8
;; output  derived writes: u32 bytes, u16 op (1 put, 2 delete), u16 map, u32 keyLength, u32 valueLength, key, value,
;;         padded to 8. As it stands: for each changed key a copy of its new value in map number 1
;; refuses a transaction that changes a key with an empty value: -1, and the message is in the out window
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

  (data (i32.const 16) "an empty value")

  (func (export "tx_hook") (param $in i32) (param $in_len i32) (param $out i32) (param $cap i32) (result i32)
    (local $change i32) (local $left i32) (local $at i32)
    (local $key i32) (local $value i32) (local $bytes i32)
    (local.set $change (i32.add (local.get $in) (i32.load offset=12 (local.get $in))))
    (local.set $left (i32.load offset=4 (local.get $in)))
    (local.set $at (local.get $out))
    (block $done
      (loop $each
        (br_if $done (i32.eqz (local.get $left)))
        (local.set $key (i32.load offset=8 (local.get $change)))
        ;; 0xffffffff says that there is no new value, which is so for a delete.
        (local.set $value (i32.load offset=16 (local.get $change)))
        (if (i32.eqz (local.get $value)) (then (return (call $abort (local.get $out) (local.get $cap)))))
        (if (i32.eq (local.get $value) (i32.const -1)) (then (local.set $value (i32.const 0))))
        (local.set $bytes
          (i32.and
            (i32.add (i32.add (i32.add (local.get $key) (local.get $value)) (i32.const 16)) (i32.const 7))
            (i32.const -8)))
        (if (i32.gt_u
              (i32.add (local.get $at) (local.get $bytes))
              (i32.add (local.get $out) (local.get $cap)))
          (then (return (i32.const -2))))
        (i32.store (local.get $at) (local.get $bytes))
        (i32.store16 offset=4 (local.get $at)
          (select
            (i32.const 2)
            (i32.const 1)
            (i32.eq (i32.load16_u offset=4 (local.get $change)) (i32.const 3))))
        (i32.store16 offset=6 (local.get $at) (i32.const 1))
        (i32.store offset=8 (local.get $at) (local.get $key))
        (i32.store offset=12 (local.get $at) (local.get $value))
        (memory.copy
          (i32.add (local.get $at) (i32.const 16))
          (i32.add (local.get $change) (i32.const 40))
          (local.get $key))
        ;; The new value is behind the key and the old value.
        (memory.copy
          (i32.add (i32.add (local.get $at) (i32.const 16)) (local.get $key))
          (i32.add
            (i32.add (i32.add (local.get $change) (i32.const 40)) (local.get $key))
            (call $length (i32.load offset=12 (local.get $change))))
          (local.get $value))
        (local.set $at (i32.add (local.get $at) (local.get $bytes)))
        (local.set $change (i32.add (local.get $change) (i32.load (local.get $change))))
        (local.set $left (i32.sub (local.get $left) (i32.const 1)))
        (br $each)))
    (i32.sub (local.get $at) (local.get $out)))

  ;; 0 where a value is absent.
  (func $length (param $n i32) (result i32)
    (select (i32.const 0) (local.get $n) (i32.eq (local.get $n) (i32.const -1))))

  (func $abort (param $out i32) (param $cap i32) (result i32)
    (if (i32.lt_u (local.get $cap) (i32.const 18)) (then (return (i32.const -2))))
    (i32.store (local.get $out) (i32.const 14))
    (memory.copy (i32.add (local.get $out) (i32.const 4)) (i32.const 16) (i32.const 14))
    (i32.const -1)))
