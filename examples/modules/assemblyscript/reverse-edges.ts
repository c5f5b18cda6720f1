/**
 * tx_hook: keeps a graph's edges findable from both ends. It is attached to a map of edges whose keys are [from, to],
 * and writes two maps: number 1 with the key [to, from] and the same value, number 2 with the key `to` and how many
 * edges lead there, as a MessagePack integer. A node that no edge leads to is not in it.
 *
 * input   changes of the map of edges; ends may be of any type that keys have. Import: llmdb.get_from ("get")
 * output  derived writes to the maps 1 and 2, in the order of `writes`: { writes: ["reverse", "degree"] }
 * refuses keys that are no tuple of two elements
 */
import { allocate, beginOutput, Change, DELETE, derive, endOutput, Frame, INSERT, PUT } from "./llmdb";
import { refuse, REMOVE, sameBytes } from "./llmdb";
import { elementEnd, TUPLE, writeElementAsKey } from "./keys";
import { integerAt, integerBytes, writeInteger } from "./msgpack";

export { llmdb_abi_v1, llmdb_alloc } from "./llmdb";

@external("llmdb", "get_from")
declare function getFrom(map: i32, key: usize, keyLength: u32, to: usize, capacity: u32): i32;

const REVERSE: u16 = 1;
const DEGREE: u16 = 2;

/** What happens to the degree of a node in a call. */
@unmanaged
class Node {
  element: usize; // `to` as it stands in the key of a change
  end: usize;
  hash: u32;
  next: u32; // number of the next node with the same start, from 1; 0 for none
  change: i32;
}

// Nodes in the order in which they come up, and where each hash starts. Nothing is kept between calls: what a call
// derives, the next one of the same transaction reads.
let nodes: usize = 0;
let starts: usize = 0;
let room: u32 = 0;
let used: u32 = 0;

/** For the key of a node, as a key of its own, and for the count that is stored there. */
const keyRoom = memory.data(8320);
const count = memory.data(16);

export function tx_hook(inPointer: i32, inLength: i32, outPointer: i32, outCapacity: i32): i32 {
  const frame = Frame.at(inPointer);
  beginOutput(outPointer, outCapacity);
  makeRoom(frame.count);
  let change = Change.first(frame);
  for (let i: u32 = 0; i < frame.count; i++) {
    const end = change.key + change.keyLength;
    const from = change.key + 1;
    const to = elementEnd(from, end);
    if (load<u8>(change.key) != TUPLE || to >= end || elementEnd(to, end) != end) {
      return refuse("the key of an edge is not [from, to]");
    }
    writeReverse(change, from, to, end);
    if (change.op == INSERT) nodeOf(to, end).change++;
    if (change.op == DELETE) nodeOf(to, end).change--;
    change = change.next;
  }
  for (let i: u32 = 0; i < used; i++) writeDegree(node(i));
  return endOutput();
}

/** Elements end where the next one starts, so the reverse key is the same bytes in another order. */
function writeReverse(change: Change, from: usize, to: usize, end: usize): void {
  const isDelete = change.op == DELETE;
  const valueLength = isDelete ? 0 : change.newLength;
  const key = derive(isDelete ? REMOVE : PUT, REVERSE, change.keyLength, valueLength);
  if (key == 0) return;
  store<u8>(key, TUPLE);
  memory.copy(key + 1, to, end - to);
  memory.copy(key + 1 + (end - to), from, to - from);
  memory.copy(key + change.keyLength, change.newValue, valueLength);
}

function writeDegree(node: Node): void {
  if (node.change == 0) return;
  const keyLength = writeElementAsKey(node.element, node.end, keyRoom);
  const stored = getFrom(DEGREE, keyRoom, keyLength, count, 16);
  const degree = (stored < 0 ? 0 : integerAt(count)) + node.change;
  const valueLength = degree > 0 ? integerBytes(degree) : 0;
  const key = derive(degree > 0 ? PUT : REMOVE, DEGREE, keyLength, valueLength);
  if (key == 0) return;
  memory.copy(key, keyRoom, keyLength);
  if (degree > 0) writeInteger(degree, key + keyLength);
}

/** Room for so many nodes, and none in it. */
function makeRoom(wanted: u32): void {
  if (wanted > room) {
    room = max<u32>(64, (<u32>1) << (32 - clz(wanted - 1)));
    nodes = allocate(<usize>room * offsetof<Node>());
    starts = allocate(<usize>room << 2);
  }
  memory.fill(starts, 0, <usize>room << 2);
  used = 0;
}

function node(index: u32): Node {
  return changetype<Node>(nodes + <usize>index * offsetof<Node>());
}

function startOf(hash: u32): usize {
  return starts + ((<usize>(hash ^ (hash >> 15)) & (room - 1)) << 2);
}

function link(index: u32): void {
  const start = startOf(node(index).hash);
  node(index).next = load<u32>(start);
  store<u32>(start, index + 1);
}

function nodeOf(element: usize, end: usize): Node {
  let hash: u32 = 2166136261;
  for (let at = element; at < end; at++) hash = (hash ^ load<u8>(at)) * 16777619;
  for (let i = load<u32>(startOf(hash)); i != 0; i = node(i - 1).next) {
    const known = node(i - 1);
    if (known.end - known.element == end - element && sameBytes(known.element, element, end - element)) return known;
  }
  const added = node(used);
  added.element = element;
  added.end = end;
  added.hash = hash;
  added.change = 0;
  link(used++);
  return added;
}
