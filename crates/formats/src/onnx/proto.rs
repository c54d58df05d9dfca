//! The few messages and fields of `onnx.proto` that are read or written; all others are passed over.
use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Model {
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    #[prost(string, tag = "2")]
    pub producer: String,
    #[prost(string, tag = "3")]
    pub producer_version: String,
    #[prost(message, optional, tag = "7")]
    pub graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub operators: Vec<Operators>,
    #[prost(message, repeated, tag = "14")]
    pub metadata: Vec<Text>,
}

/// `OperatorSetIdProto`; no domain is ONNX's own.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Operators {
    #[prost(string, tag = "1")]
    pub domain: String,
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// `StringStringEntryProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Text {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, tag = "2")]
    pub value: String,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub nodes: Vec<Node>,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(message, repeated, tag = "5")]
    pub initializers: Vec<Stored>,
    #[prost(message, repeated, tag = "11")]
    pub inputs: Vec<Value>,
    #[prost(message, repeated, tag = "12")]
    pub outputs: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub outputs: Vec<String>,
    #[prost(string, tag = "3")]
    pub name: String,
    #[prost(string, tag = "4")]
    pub op: String,
    #[prost(message, repeated, tag = "5")]
    pub attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Attribute {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(float, optional, tag = "2")]
    pub float: Option<f32>,
    #[prost(int64, optional, tag = "3")]
    pub integer: Option<i64>,
    #[prost(message, optional, tag = "5")]
    pub tensor: Option<Stored>,
    #[prost(int64, repeated, tag = "8")]
    pub integers: Vec<i64>,
    /// `AttributeType`: which of the fields holds the value.
    #[prost(int32, tag = "20")]
    pub kind: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Stored {
    #[prost(int64, repeated, tag = "1")]
    pub dimensions: Vec<i64>,
    #[prost(int32, tag = "2")]
    pub kind: i32,
    #[prost(float, repeated, tag = "4")]
    pub floats: Vec<f32>,
    #[prost(string, tag = "8")]
    pub name: String,
    #[prost(bytes = "vec", tag = "9")]
    pub raw: Vec<u8>,
    #[prost(double, repeated, tag = "10")]
    pub doubles: Vec<f64>,
    #[prost(int32, tag = "14")]
    pub place: i32,
}

/// `ValueInfoProto`: the name and the shape of an input or an output.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Value {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(message, optional, tag = "2")]
    pub of: Option<Type>,
}

/// `TypeProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Type {
    #[prost(message, optional, tag = "1")]
    pub tensor: Option<TensorType>,
}

/// `TypeProto.Tensor`
#[derive(Clone, PartialEq, Message)]
pub(super) struct TensorType {
    #[prost(int32, tag = "1")]
    pub kind: i32,
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Dimensions>,
}

/// `TensorShapeProto`
#[derive(Clone, PartialEq, Message)]
pub(super) struct Dimensions {
    #[prost(message, repeated, tag = "1")]
    pub each: Vec<Dimension>,
}

/// `TensorShapeProto.Dimension`: a number, or the name of one that is left open.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Dimension {
    #[prost(int64, optional, tag = "1")]
    pub size: Option<i64>,
    #[prost(string, optional, tag = "2")]
    pub name: Option<String>,
}

/// `TensorProto.DataType`
pub(super) const FLOAT: i32 = 1;
pub(super) const INT64: i32 = 7;

impl Value {
    /// An input or an output: `[H, W, C]` as `[batch, C, H, W]`.
    pub fn new(name: &str, dimensions: &[usize]) -> Self {
        let size = |size: usize| Dimension {
            size: Some(size as i64),
            name: None,
        };
        let batch = Dimension {
            size: None,
            name: Some("batch".to_owned()),
        };
        let (channels, image) = match dimensions.split_last() {
            Some((&channels, image)) => (Some(channels), image),
            None => (None, dimensions),
        };
        let each = channels.into_iter().chain(image.iter().copied()).map(size);
        let shape = Dimensions {
            each: [batch].into_iter().chain(each).collect(),
        };
        let tensor = TensorType {
            kind: FLOAT,
            shape: Some(shape),
        };
        Value {
            name: name.to_owned(),
            of: Some(Type {
                tensor: Some(tensor),
            }),
        }
    }
}

impl Attribute {
    // `AttributeProto.AttributeType`: 1 a float, 2 an integer, 7 integers.

    pub fn of_float(name: &str, value: f32) -> Self {
        Attribute {
            name: name.to_owned(),
            float: Some(value),
            kind: 1,
            ..Attribute::default()
        }
    }

    pub fn of_integer(name: &str, value: i64) -> Self {
        Attribute {
            name: name.to_owned(),
            integer: Some(value),
            kind: 2,
            ..Attribute::default()
        }
    }

    pub fn of_integers(name: &str, values: &[i64]) -> Self {
        Attribute {
            name: name.to_owned(),
            integers: values.to_vec(),
            kind: 7,
            ..Attribute::default()
        }
    }
}
