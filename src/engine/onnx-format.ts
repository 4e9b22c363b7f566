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
message TensorProto { repeated int64 dims = 1; optional int32 data_type = 2; optional string name = 8; optional bytes raw_data = 9; }
message Dimension { optional int64 dim_value = 1; }
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

/** TensorProto.DataType */
export const elementTypes = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 } as const;
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

export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data_type: number;
  readonly raw_data: Uint8Array;
}

export interface OnnxValueInfo {
  readonly name: string;
  readonly type: {
    readonly tensor_type: {
      readonly elem_type: number;
      readonly shape: { readonly dim: readonly { readonly dim_value: number }[] };
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

/** An attribute of a node, typed by its value: whole numbers are ints, texts and lists what they look like. */
export function onnxAttribute(
  name: string,
  value: number | string | readonly number[] | { readonly float: number },
): OnnxAttribute {
  if (typeof value === 'number') return { name, type: 2, i: value };
  if (typeof value === 'string') return { name, type: 3, s: new TextEncoder().encode(value) };
  if ('float' in value) return { name, type: 1, f: value.float };
  return { name, type: 7, ints: value };
}

export function valueInfo(name: string, type: ElementType, shape: readonly number[]): OnnxValueInfo {
  const dim = shape.map((extent) => ({ dim_value: extent }));
  return { name, type: { tensor_type: { elem_type: elementTypes[type], shape: { dim } } } };
}

/** The bytes of a model of opset 20 with Microsoft's contributed operators. */
export function encodeModel(graph: OnnxGraph): Uint8Array {
  const message = {
    ir_version: 9,
    producer_name: 'incubate',
    graph,
    opset_import: [
      { domain: '', version: 20 },
      { domain: 'com.microsoft', version: 1 },
    ],
  };
  return model.encode(message).finish();
}
