import protobuf from 'protobufjs';

/** The part of ONNX' schema that models of ours use; field numbers are those of the published onnx.proto. */
const schema = `
syntax = "proto2";
message AttributeProto {
  optional string name = 1; optional float f = 2; optional int64 i = 3; optional bytes s = 4;
  repeated float floats = 7; repeated int64 ints = 8; optional int32 type = 20;
}
message NodeProto {
  repeated string input = 1; repeated string output = 2; optional string name = 3; optional string op_type = 4;
  repeated AttributeProto attribute = 5; optional string domain = 7;
}
message StringStringEntryProto { optional string key = 1; optional string value = 2; }
message TensorProto {
  repeated int64 dims = 1; optional int32 data_type = 2; optional string name = 8; optional bytes raw_data = 9;
  repeated StringStringEntryProto external_data = 13; optional int32 data_location = 14;
}
message Dimension { optional int64 dim_value = 1; optional string dim_param = 2; }
message TensorShapeProto { repeated Dimension dim = 1; }
message TensorType { optional int32 elem_type = 1; optional TensorShapeProto shape = 2; }
message TypeProto { optional TensorType tensor_type = 1; }
message ValueInfoProto { optional string name = 1; optional TypeProto type = 2; }
message GraphProto {
  repeated NodeProto node = 1; optional string name = 2; repeated TensorProto initializer = 5;
  repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
}
message OperatorSetIdProto { optional string domain = 1; optional int64 version = 2; }
message ModelProto {
  optional int64 ir_version = 1; optional string producer_name = 2; optional GraphProto graph = 7;
  repeated OperatorSetIdProto opset_import = 8;
}`;

const model = protobuf.parse(schema, { keepCase: true }).root.lookupType('ModelProto');

/** Operators on images in blocks of channels, which ONNX Runtime's optimiser puts in where filters are constant. */
export const NCHWC = 'com.microsoft.nchwc';

/** TensorProto.DataType */
export const elementTypes = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float16: 10, bfloat16: 16 } as const;
export type ElementType = keyof typeof elementTypes;

export interface OnnxAttribute {
  readonly name: string;
  readonly type: number;
  readonly f?: number;
  readonly i?: number;
  readonly s?: Uint8Array;
  readonly ints?: readonly number[];
}

export interface OnnxNode {
  readonly op_type: string;
  readonly domain: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly OnnxAttribute[];
}

/** A constant; its bytes are in the model, or in a file of its own that is given along with it. */
export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data_type: number;
  readonly raw_data: Uint8Array;
}

/** A model as ONNX Runtime takes it. */
export interface OnnxModel {
  readonly bytes: Uint8Array;
  /** Constants beside the model: protobuf's messages end at 2 GB. */
  readonly external: readonly { readonly path: string; readonly data: Uint8Array }[];
  /** Names of the model's outputs. */
  readonly outputs: readonly string[];
}

export interface OnnxValueInfo {
  readonly name: string;
  readonly type: {
    readonly tensor_type: {
      readonly elem_type: number;
      readonly shape: { readonly dim: readonly ({ readonly dim_value: number } | { readonly dim_param: string })[] };
    };
  };
}

export interface OnnxGraph {
  readonly name: string;
  readonly node: readonly OnnxNode[];
  readonly initializer: readonly OnnxTensor[];
  readonly input: readonly OnnxValueInfo[];
  readonly output: readonly OnnxValueInfo[];
}

export type AttributeValue = number | string | readonly number[] | { readonly float: number };
export type AttributeValues = Readonly<Record<string, AttributeValue>>;

/** An attribute of a node, typed by its value: whole numbers are ints, texts and lists what they look like. */
function onnxAttribute(name: string, value: AttributeValue): OnnxAttribute {
  if (typeof value === 'number') return { name, type: 2, i: value };
  if (typeof value === 'string') return { name, type: 3, s: new TextEncoder().encode(value) };
  if ('float' in value) return { name, type: 1, f: value.float };
  return { name, type: 7, ints: value };
}

/** An input or output; an extent with a name instead of a number is any. */
export function valueInfo(name: string, type: ElementType, shape: readonly (number | string)[]): OnnxValueInfo {
  const dim = shape.map((extent) => (typeof extent === 'number' ? { dim_value: extent } : { dim_param: extent }));
  return { name, type: { tensor_type: { elem_type: elementTypes[type], shape: { dim } } } };
}

export function onnxNode(
  type: string,
  inputs: readonly string[],
  attributes: AttributeValues,
  outputs: readonly string[],
  domain = '',
): OnnxNode {
  const attribute = Object.entries(attributes).map(([name, value]) => onnxAttribute(name, value));
  return { op_type: type, domain, input: inputs, output: outputs, attribute };
}

/** A model of opset 20 with Microsoft's contributed operators. Constants of more than `inlineBytes` stay beside it. */
export function encodeModel(graph: OnnxGraph, inlineBytes: number = 2 ** 20): OnnxModel {
  const isExternal = ({ raw_data }: OnnxTensor) => raw_data.length > inlineBytes;
  const initializer = graph.initializer.map((tensor) => (isExternal(tensor) ? externally(tensor) : tensor));
  const message = {
    ir_version: 9,
    producer_name: 'incubate',
    graph: { ...graph, initializer },
    opset_import: [
      { domain: '', version: 20 },
      { domain: 'com.microsoft', version: 1 },
      ...(graph.node.some(({ domain }) => domain === NCHWC) ? [{ domain: NCHWC, version: 1 }] : []),
    ],
  };
  return {
    bytes: model.encode(message).finish(),
    external: graph.initializer.filter(isExternal).map(({ name, raw_data }) => ({ path: name, data: raw_data })),
    outputs: graph.output.map(({ name }) => name),
  };
}

/** TensorProto.DataLocation.EXTERNAL; the file has the tensor's name. */
function externally({ name, dims, data_type, raw_data }: OnnxTensor) {
  const external_data = [
    { key: 'location', value: name },
    { key: 'offset', value: '0' },
    { key: 'length', value: String(raw_data.length) },
  ];
  return { name, dims, data_type, external_data, data_location: 1 };
}
