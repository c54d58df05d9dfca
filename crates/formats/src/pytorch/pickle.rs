//! Reads the pickles that `torch.save` writes, without running anything: a closed list of
//! constructors, each turned into plain data; every other one is an error that names it.
//!
//! Containers live in one arena and are referred to by index, so that a pickle that holds itself
//! neither loops nor overflows the stack.
use crate::FormatError;
use crate::number::Number;
use std::fmt::Display;
use std::rc::Rc;

/// Most values that a pickle may make. EfficientNet-Lite2's has about 10,000.
const MAX_VALUES: usize = 400_000;

/// Most marks that may stand open at once: containers in containers, and a call in each.
const MAX_MARKS: usize = 1000;

/// A value on the pickle machine's stack.
#[derive(Clone, Debug)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// A whole number beyond i64, as its little-endian bytes; only the magic number is one.
    Long(Rc<[u8]>),
    /// A float; no tensor needs its value.
    Float,
    Text(Rc<str>),
    Bytes,
    /// Index into [`Pickle::sequences`]: a tuple or a list.
    Sequence(usize),
    /// Index into [`Pickle::dictionaries`].
    Dictionary(usize),
    Global(Global),
    Storage(Rc<Storage>),
    Tensor(Rc<StoredTensor>),
    /// Something known to hold no tensor.
    Opaque,
}

/// The constructors that a pickle may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensorV2,
    RebuildTensor,
    RebuildParameter,
    Size,
    StorageType(Number),
    /// `torch.float32` and its like: a value, not a constructor.
    DataType,
}

impl Global {
    fn find(module: &str, name: &str) -> Option<Self> {
        let storage = |number| Some(Global::StorageType(number));
        match (module, name) {
            ("collections", "OrderedDict") => Some(Global::OrderedDict),
            ("torch._utils", "_rebuild_tensor_v2") => Some(Global::RebuildTensorV2),
            ("torch._utils", "_rebuild_tensor") => Some(Global::RebuildTensor),
            ("torch._utils", "_rebuild_parameter") => Some(Global::RebuildParameter),
            ("torch", "Size") => Some(Global::Size),
            ("torch", "FloatStorage") => storage(Number::F32),
            ("torch", "DoubleStorage") => storage(Number::F64),
            ("torch", "HalfStorage") => storage(Number::F16),
            ("torch", "BFloat16Storage") => storage(Number::BF16),
            ("torch", "LongStorage") => storage(Number::I64),
            ("torch", "IntStorage") => storage(Number::I32),
            ("torch", "ShortStorage") => storage(Number::I16),
            ("torch", "CharStorage") => storage(Number::I8),
            ("torch", "ByteStorage") => storage(Number::U8),
            ("torch", "BoolStorage") => storage(Number::Bool),
            (
                "torch",
                "float32" | "float64" | "float16" | "bfloat16" | "int64" | "int32" | "int16"
                | "int8" | "uint8" | "bool",
            ) => Some(Global::DataType),
            _ => None,
        }
    }
}

/// A block of numbers that tensors look into.
#[derive(Debug)]
pub(super) struct Storage {
    pub(super) number: Number,
    /// What the block is called in the file.
    pub(super) key: Rc<str>,
}

/// A tensor as the file has it: a view into a storage.
#[derive(Debug)]
pub(super) struct StoredTensor {
    pub(super) storage: Rc<Storage>,
    /// Of the first element, in elements.
    pub(super) offset: usize,
    pub(super) dimensions: Vec<usize>,
    /// From one index to the next, in elements, for each dimension.
    pub(super) strides: Vec<usize>,
}

/// The value that a pickle makes, with what it refers to.
#[derive(Debug, Default)]
pub(super) struct Pickle {
    pub(super) sequences: Vec<Vec<Value>>,
    pub(super) dictionaries: Vec<Vec<(Value, Value)>>,
}

/// Reads the pickle at the start of `bytes`: its value, what that refers to, and its length.
pub(super) fn read(bytes: &[u8]) -> Result<(Value, Pickle, usize), FormatError> {
    let mut machine = Machine {
        bytes,
        position: 0,
        values: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
        pickle: Pickle::default(),
    };
    let value = machine.run()?;
    Ok((value, machine.pickle, machine.position))
}

struct Machine<'bytes> {
    bytes: &'bytes [u8],
    position: usize,
    /// How many values were made.
    values: usize,
    stack: Vec<Value>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: Vec<Option<Value>>,
    pickle: Pickle,
}

type Step<T> = Result<T, FormatError>;

fn damaged<T>(detail: impl Display) -> Step<T> {
    Err(super::damaged(detail))
}

fn unsupported<T>(detail: impl Display) -> Step<T> {
    Err(super::unsupported(detail))
}

impl Machine<'_> {
    /// Executes opcodes until STOP. The names in the comments are those of Python's `pickletools`.
    fn run(&mut self) -> Step<Value> {
        loop {
            let opcode = self.byte()?;
            match opcode {
                // PROTO
                0x80 => match self.byte()? {
                    2..=5 => {}
                    other => return unsupported(format!("pickle protocol {other}")),
                },
                // FRAME: a hint of the length of what follows
                0x95 => {
                    self.take(8)?;
                }
                // STOP
                b'.' => return self.pop(),
                // MARK
                b'(' if self.marks.len() == MAX_MARKS => {
                    return unsupported("a pickle of so many marks");
                }
                b'(' => self.marks.push(self.stack.len()),
                // POP, POP_MARK
                b'0' => {
                    self.pop()?;
                }
                b'1' => {
                    self.pop_mark()?;
                }
                // NONE, NEWTRUE, NEWFALSE
                b'N' => self.push(Value::None)?,
                0x88 => self.push(Value::Bool(true))?,
                0x89 => self.push(Value::Bool(false))?,
                // BININT, BININT1, BININT2
                b'J' => {
                    let value = i32::from_le_bytes(self.array()?);
                    self.push(Value::Int(value.into()))?;
                }
                b'K' => {
                    let value = self.byte()?;
                    self.push(Value::Int(value.into()))?;
                }
                b'M' => {
                    let value = u16::from_le_bytes(self.array()?);
                    self.push(Value::Int(value.into()))?;
                }
                // LONG1
                0x8a => {
                    let length = self.byte()?.into();
                    let bytes = self.take(length)?;
                    let value = long(bytes);
                    self.push(value)?;
                }
                // BINFLOAT
                b'G' => {
                    self.take(8)?;
                    self.push(Value::Float)?;
                }
                // BINUNICODE, SHORT_BINUNICODE
                b'X' => {
                    let length = self.length4()?;
                    self.text(length)?;
                }
                0x8c => {
                    let length = self.byte()?.into();
                    self.text(length)?;
                }
                // SHORT_BINSTRING (Python 2 text), BINSTRING
                b'U' => {
                    let length = self.byte()?.into();
                    self.text(length)?;
                }
                b'T' => {
                    let length = self.length4()?;
                    self.text(length)?;
                }
                // BINBYTES, SHORT_BINBYTES
                b'B' => {
                    let length = self.length4()?;
                    self.take(length)?;
                    self.push(Value::Bytes)?;
                }
                b'C' => {
                    let length = self.byte()?.into();
                    self.take(length)?;
                    self.push(Value::Bytes)?;
                }
                // EMPTY_TUPLE, TUPLE1, TUPLE2, TUPLE3, TUPLE
                b')' => self.sequence(Vec::new())?,
                0x85..=0x87 => {
                    let length = usize::from(opcode - 0x84);
                    let items = self.pop_many(length)?;
                    self.sequence(items)?;
                }
                b't' | b'l' => {
                    let items = self.pop_mark()?;
                    self.sequence(items)?;
                }
                // EMPTY_LIST, APPEND, APPENDS
                b']' => self.sequence(Vec::new())?,
                b'a' => {
                    let items = self.pop_many(1)?;
                    self.append(items)?;
                }
                b'e' => {
                    let items = self.pop_mark()?;
                    self.append(items)?;
                }
                // EMPTY_DICT, DICT, SETITEM, SETITEMS
                b'}' => self.dictionary(Vec::new())?,
                b'd' => {
                    let items = self.pop_mark()?;
                    self.dictionary(Vec::new())?;
                    self.set_items(items)?;
                }
                b's' => {
                    let items = self.pop_many(2)?;
                    self.set_items(items)?;
                }
                b'u' => {
                    let items = self.pop_mark()?;
                    self.set_items(items)?;
                }
                // BINPUT, LONG_BINPUT, MEMOIZE
                b'q' => {
                    let index = self.byte()?.into();
                    self.put(index)?;
                }
                b'r' => {
                    let index = self.length4()?;
                    self.put(index)?;
                }
                0x94 => self.put(self.memo.len())?,
                // BINGET, LONG_BINGET
                b'h' => {
                    let index = self.byte()?.into();
                    self.get(index)?;
                }
                b'j' => {
                    let index = self.length4()?;
                    self.get(index)?;
                }
                // GLOBAL, STACK_GLOBAL
                b'c' => {
                    let module = self.line()?;
                    let name = self.line()?;
                    self.global(&module, &name)?;
                }
                0x93 => {
                    let items = self.pop_many(2)?;
                    match &items[..] {
                        [Value::Text(module), Value::Text(name)] => {
                            self.global(&module.clone(), &name.clone())?;
                        }
                        _ => return damaged("a constructor without a name"),
                    }
                }
                // REDUCE
                b'R' => {
                    let items = self.pop_many(2)?;
                    self.reduce(&items[0], &items[1])?;
                }
                // BUILD: attributes of an object, such as a state_dict's `_metadata`
                b'b' => {
                    self.pop()?;
                }
                // BINPERSID
                b'Q' => {
                    let id = self.pop()?;
                    self.storage(&id)?;
                }
                other => return unsupported(format!("pickle opcode 0x{other:02x}")),
            }
        }
    }

    fn take(&mut self, length: usize) -> Step<&[u8]> {
        let end = self
            .position
            .checked_add(length)
            .filter(|&end| end <= self.bytes.len());
        let Some(end) = end else {
            return damaged(format!(
                "it ends inside a pickle, at byte {}",
                self.bytes.len()
            ));
        };
        let taken = &self.bytes[self.position..end];
        self.position = end;
        Ok(taken)
    }

    fn array<const LENGTH: usize>(&mut self) -> Step<[u8; LENGTH]> {
        let mut array = [0; LENGTH];
        array.copy_from_slice(self.take(LENGTH)?);
        Ok(array)
    }

    fn byte(&mut self) -> Step<u8> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn length4(&mut self) -> Step<usize> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    /// A line of GLOBAL, without its end.
    fn line(&mut self) -> Step<String> {
        let rest = &self.bytes[self.position..];
        let Some(length) = rest.iter().take(256).position(|&byte| byte == b'\n') else {
            return damaged("a constructor's name without an end");
        };
        let line = String::from_utf8_lossy(&rest[..length]).into_owned();
        self.position += length + 1;
        Ok(line)
    }

    fn push(&mut self, value: Value) -> Step<()> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return unsupported(format!("a pickle of more than {MAX_VALUES} values"));
        }
        self.stack.push(value);
        Ok(())
    }

    /// The last mark, or the bottom: what is below is not to be popped.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn pop(&mut self) -> Step<Value> {
        if self.stack.len() <= self.floor() {
            return damaged("a pickle takes more than it made");
        }
        match self.stack.pop() {
            Some(value) => Ok(value),
            None => damaged("a pickle takes more than it made"),
        }
    }

    fn pop_many(&mut self, count: usize) -> Step<Vec<Value>> {
        match self.stack.len().checked_sub(count) {
            Some(height) if height >= self.floor() => Ok(self.stack.split_off(height)),
            _ => damaged("a pickle takes more than it made"),
        }
    }

    fn pop_mark(&mut self) -> Step<Vec<Value>> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => damaged("a pickle without the mark that it needs"),
        }
    }

    fn text(&mut self, length: usize) -> Step<()> {
        let text: Rc<str> = String::from_utf8_lossy(self.take(length)?).into();
        self.push(Value::Text(text))
    }

    fn sequence(&mut self, items: Vec<Value>) -> Step<()> {
        self.pickle.sequences.push(items);
        self.push(Value::Sequence(self.pickle.sequences.len() - 1))
    }

    fn dictionary(&mut self, items: Vec<(Value, Value)>) -> Step<()> {
        self.pickle.dictionaries.push(items);
        self.push(Value::Dictionary(self.pickle.dictionaries.len() - 1))
    }

    fn append(&mut self, items: Vec<Value>) -> Step<()> {
        match self.stack.last() {
            Some(&Value::Sequence(index)) => {
                self.pickle.sequences[index].extend(items);
                Ok(())
            }
            _ => damaged("a pickle appends to what is no list"),
        }
    }

    fn set_items(&mut self, items: Vec<Value>) -> Step<()> {
        let Some(&Value::Dictionary(index)) = self.stack.last() else {
            return damaged("a pickle sets items of what is no dictionary");
        };
        let mut items = items.into_iter();
        while let Some(key) = items.next() {
            let Some(value) = items.next() else {
                return damaged("a dictionary's key without a value");
            };
            self.pickle.dictionaries[index].push((key, value));
        }
        Ok(())
    }

    fn put(&mut self, index: usize) -> Step<()> {
        if index > self.values {
            return damaged(format!("a pickle's memo at {index}"));
        }
        let Some(value) = self.stack.last() else {
            return damaged("a pickle remembers what it did not make");
        };
        if self.memo.len() <= index {
            self.memo.resize(index + 1, None);
        }
        self.memo[index] = Some(value.clone());
        Ok(())
    }

    fn get(&mut self, index: usize) -> Step<()> {
        match self.memo.get(index) {
            Some(Some(value)) => self.push(value.clone()),
            _ => damaged("a pickle recalls what it did not remember"),
        }
    }

    fn global(&mut self, module: &str, name: &str) -> Step<()> {
        match Global::find(module, name) {
            Some(global) => self.push(Value::Global(global)),
            None => unsupported(format!("the constructor `{module}.{name}`")),
        }
    }

    fn items(&self, value: &Value) -> Option<&[Value]> {
        match *value {
            Value::Sequence(index) => Some(&self.pickle.sequences[index]),
            _ => None,
        }
    }

    /// A call, as data. `arguments` is a tuple.
    fn reduce(&mut self, callee: &Value, arguments: &Value) -> Step<()> {
        let arguments = match self.items(arguments) {
            Some(arguments) if arguments.len() <= 16 => arguments.to_vec(),
            _ => return damaged("a call without arguments, or with too many"),
        };
        let &Value::Global(global) = callee else {
            return damaged("a call of what cannot be called");
        };
        match (global, &arguments[..]) {
            (Global::OrderedDict, []) => self.dictionary(Vec::new()),
            (Global::OrderedDict, [pairs]) => {
                let mut items = Vec::new();
                for pair in self.items(pairs).unwrap_or_default() {
                    match self.items(pair) {
                        Some([key, value]) => items.push((key.clone(), value.clone())),
                        _ => return damaged("an OrderedDict of what are no pairs"),
                    }
                }
                // Counted, since the pairs may be the same for many calls.
                self.values += items.len();
                self.dictionary(items)
            }
            // storage, offset, size, stride, then requires_grad, hooks, metadata
            (
                Global::RebuildTensorV2 | Global::RebuildTensor,
                [Value::Storage(storage), offset, dimensions, strides, ..],
            ) => {
                let tensor = StoredTensor {
                    storage: storage.clone(),
                    offset: self.size(offset)?,
                    dimensions: self.sizes(dimensions)?,
                    strides: self.sizes(strides)?,
                };
                if tensor.dimensions.len() != tensor.strides.len() {
                    return damaged("a tensor with as many strides as it has not dimensions");
                }
                self.push(Value::Tensor(Rc::new(tensor)))
            }
            (Global::RebuildParameter, [tensor @ Value::Tensor(_), ..]) => {
                self.push(tensor.clone())
            }
            (Global::Size, [_]) => self.push(Value::Opaque),
            _ => damaged(format!(
                "a call of {global:?} with arguments that it does not take"
            )),
        }
    }

    fn size(&self, value: &Value) -> Step<usize> {
        match value {
            Value::Int(value) if *value >= 0 => Ok(*value as usize),
            _ => damaged("a tensor's size that is no whole number"),
        }
    }

    fn sizes(&self, value: &Value) -> Step<Vec<usize>> {
        match self.items(value) {
            Some(items) if items.len() <= 16 => items.iter().map(|item| self.size(item)).collect(),
            _ => damaged("a tensor without sizes"),
        }
    }

    /// A persistent id: `('storage', type, key, device, elements[, view])`.
    fn storage(&mut self, id: &Value) -> Step<()> {
        match self.items(id) {
            Some(
                [
                    Value::Text(kind),
                    Value::Global(Global::StorageType(number)),
                    Value::Text(key),
                    _,
                    Value::Int(_),
                    view @ ..,
                ],
            ) if &**kind == "storage" => {
                if !matches!(view, [] | [Value::None]) {
                    return unsupported("a storage that is a view of another");
                }
                let storage = Storage {
                    number: *number,
                    key: key.clone(),
                };
                self.push(Value::Storage(Rc::new(storage)))
            }
            _ => damaged("a persistent id that is no storage"),
        }
    }
}

/// A whole number in two's complement, little-endian.
fn long(bytes: &[u8]) -> Value {
    if bytes.len() > 8 {
        return Value::Long(bytes.into());
    }
    let negative = bytes.last().is_some_and(|&byte| byte >= 0x80);
    let mut padded = [if negative { 0xff } else { 0 }; 8];
    padded[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(padded))
}
