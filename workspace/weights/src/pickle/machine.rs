//! The stack machine, opcode by opcode.

use bytes::Bytes;

use super::{Name, Pickle, Storage, TensorView, Value, makes_a_value};
use crate::{Format, WeightsError};

/// Values in one pickle: ten times what the largest networks need.
const MOST_VALUES: usize = 1 << 20;

struct Machine<'a> {
    format: Format,
    bytes: &'a [u8],
    /// Where the next opcode stands.
    at: usize,
    values: Vec<Value>,
    stack: Vec<usize>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: Vec<Option<usize>>,
}

pub(super) fn run(format: Format, bytes: &Bytes) -> Result<(Pickle, usize), WeightsError> {
    let mut machine = Machine {
        format,
        bytes,
        at: 0,
        values: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
    };
    loop {
        if let Some(root) = machine.step()? {
            let Machine { values, at, .. } = machine;
            return Ok((Pickle { values, root }, at));
        }
    }
}

impl Machine<'_> {
    /// One opcode; the number of the result where it was the last one.
    fn step(&mut self) -> Result<Option<usize>, WeightsError> {
        let start = self.at;
        match self.byte()? {
            // PROTO, FRAME: nothing to do.
            0x80 => {
                self.byte()?;
            }
            0x95 => {
                self.array::<8>()?;
            }
            b'.' => return self.pop().map(Some),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => {
                self.pop()?;
            }
            b'1' => {
                self.above_mark()?;
            }
            b'N' => self.push(Value::None)?,
            0x88 => self.push(Value::Bool(true))?,
            0x89 => self.push(Value::Bool(false))?,
            b'K' => {
                let number = self.byte()?;
                self.push(Value::Int(number.into()))?;
            }
            b'M' => {
                let number = u16::from_le_bytes(self.array()?);
                self.push(Value::Int(number.into()))?;
            }
            b'J' => {
                let number = i32::from_le_bytes(self.array()?);
                self.push(Value::Int(number.into()))?;
            }
            0x8a => self.long()?,
            b'G' => {
                self.array::<8>()?;
                self.push(Value::Other)?;
            }
            // BINUNICODE, SHORT_BINUNICODE, and the strings of Python 2.
            b'X' | b'T' => {
                let length = u32::from_le_bytes(self.array()?);
                self.text(length as usize)?;
            }
            0x8c | b'U' => {
                let length = self.byte()?;
                self.text(length.into())?;
            }
            // BINBYTES, SHORT_BINBYTES.
            b'B' => {
                let length = u32::from_le_bytes(self.array()?);
                self.take(length as usize)?;
                self.push(Value::Other)?;
            }
            b'C' => {
                let length = self.byte()?;
                self.take(length.into())?;
                self.push(Value::Other)?;
            }
            b')' => self.push(Value::Tuple(Vec::new()))?,
            b't' => {
                let items = self.above_mark()?;
                self.push(Value::Tuple(items))?;
            }
            0x85 => self.tuple(1)?,
            0x86 => self.tuple(2)?,
            0x87 => self.tuple(3)?,
            b']' => self.push(Value::List(Vec::new()))?,
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' => {
                let items = self.above_mark()?;
                self.append(items)?;
            }
            b'}' => self.push(Value::Dict(Vec::new()))?,
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(vec![key, value])?;
            }
            b'u' => {
                let items = self.above_mark()?;
                self.set(items)?;
            }
            b'q' => {
                let place = self.byte()?;
                self.remember(place.into())?;
            }
            b'r' => {
                let place = u32::from_le_bytes(self.array()?);
                self.remember(place as usize)?;
            }
            0x94 => self.remember(self.memo.len())?,
            b'h' => {
                let place = self.byte()?;
                self.recall(place.into())?;
            }
            b'j' => {
                let place = u32::from_le_bytes(self.array()?);
                self.recall(place as usize)?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.name(&module, &name)?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Value::Text(module), Value::Text(name)) =
                    (&self.values[module], &self.values[name])
                else {
                    return Err(self.damaged("a name that is no text"));
                };
                let (module, name) = (module.clone(), name.clone());
                self.name(&module, &name)?;
            }
            b'R' => self.call()?,
            // NEWOBJ: an object of a class.
            0x81 => {
                let (_, class) = (self.pop()?, self.pop()?);
                let made = match &self.values[class] {
                    Value::Foreign(name) => Value::Foreign(name.clone()),
                    Value::Name(Name::OrderedDict) => Value::Dict(Vec::new()),
                    _ => return Err(self.damaged("an object of something that is no class")),
                };
                self.push(made)?;
            }
            0x8f => self.push(Value::Other)?,
            // ADDITEMS: into a set.
            0x90 => {
                self.above_mark()?;
            }
            // BUILD: what an ordered dictionary carries besides its entries, or an object all in all.
            b'b' => {
                self.pop()?;
                let object = *self
                    .stack
                    .last()
                    .ok_or_else(|| self.damaged("an empty stack"))?;
                if !matches!(self.values[object], Value::Dict(_) | Value::Foreign(_)) {
                    return Err(self.damaged("a state for something that has none"));
                }
            }
            b'Q' => self.storage()?,
            other => {
                return Err(WeightsError::Unsupported {
                    format: self.format,
                    problem: format!("pickle opcode 0x{other:02x} at byte {start}"),
                });
            }
        }
        Ok(None)
    }

    fn damaged(&self, problem: &str) -> WeightsError {
        WeightsError::Damaged {
            format: self.format,
            problem: format!("{problem} before byte {} of a pickle", self.at),
        }
    }

    fn take(&mut self, length: usize) -> Result<&[u8], WeightsError> {
        let taken = self.at.checked_add(length);
        let Some(taken) = taken.and_then(|end| self.bytes.get(self.at..end)) else {
            return Err(self.damaged("it ends too early"));
        };
        self.at += length;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, WeightsError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], WeightsError> {
        let mut array = [0; LENGTH];
        array.copy_from_slice(self.take(LENGTH)?);
        Ok(array)
    }

    /// Up to the end of the line.
    fn line(&mut self) -> Result<String, WeightsError> {
        let rest = &self.bytes[self.at..];
        let Some(length) = rest.iter().position(|&byte| byte == b'\n') else {
            return Err(self.damaged("a name without an end"));
        };
        let line = String::from_utf8_lossy(&rest[..length]).into_owned();
        self.at += length + 1;
        Ok(line)
    }

    fn push(&mut self, value: Value) -> Result<(), WeightsError> {
        if self.values.len() == MOST_VALUES {
            return Err(self.damaged("too many values"));
        }
        self.stack.push(self.values.len());
        self.values.push(value);
        Ok(())
    }

    /// Never reaches below a mark.
    fn pop(&mut self) -> Result<usize, WeightsError> {
        let bottom = self.marks.last().copied().unwrap_or(0);
        match self.stack.pop() {
            Some(number) if self.stack.len() >= bottom => Ok(number),
            _ => Err(self.damaged("an empty stack")),
        }
    }

    fn above_mark(&mut self) -> Result<Vec<usize>, WeightsError> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => Err(self.damaged("no mark")),
        }
    }

    /// A whole number of any length; those that do not fit are of no use.
    fn long(&mut self) -> Result<(), WeightsError> {
        let length = self.byte()?;
        let digits = self.take(length.into())?;
        let mut number = [if digits.last().is_some_and(|&last| last >= 0x80) {
            0xff
        } else {
            0
        }; 8];
        let fits = digits.len() <= number.len();
        for (number, &digit) in number.iter_mut().zip(digits) {
            *number = digit;
        }
        self.push(match fits {
            true => Value::Int(i64::from_le_bytes(number)),
            false => Value::Other,
        })
    }

    fn text(&mut self, length: usize) -> Result<(), WeightsError> {
        let text = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.push(Value::Text(text))
    }

    fn tuple(&mut self, length: usize) -> Result<(), WeightsError> {
        let mut items = Vec::with_capacity(length);
        for _ in 0..length {
            items.push(self.pop()?);
        }
        items.reverse();
        self.push(Value::Tuple(items))
    }

    fn append(&mut self, items: Vec<usize>) -> Result<(), WeightsError> {
        match self.stack.last().map(|&list| &mut self.values[list]) {
            Some(Value::List(list)) => {
                list.extend(items);
                Ok(())
            }
            Some(Value::Foreign(_)) => Ok(()),
            _ => Err(self.damaged("items for something that is no list")),
        }
    }

    /// Keys and values in turn.
    fn set(&mut self, items: Vec<usize>) -> Result<(), WeightsError> {
        let (pairs, rest) = items.as_chunks::<2>();
        match self.stack.last().map(|&dict| &mut self.values[dict]) {
            Some(Value::Dict(dict)) if rest.is_empty() => {
                dict.extend(pairs.iter().map(|&[key, value]| (key, value)));
                Ok(())
            }
            Some(Value::Foreign(_)) => Ok(()),
            _ => Err(self.damaged("entries for something that is no dictionary")),
        }
    }

    fn remember(&mut self, place: usize) -> Result<(), WeightsError> {
        let Some(&top) = self.stack.last() else {
            return Err(self.damaged("an empty stack"));
        };
        if place >= MOST_VALUES {
            return Err(self.damaged("too many values"));
        }
        if place >= self.memo.len() {
            self.memo.resize(place + 1, None);
        }
        self.memo[place] = Some(top);
        Ok(())
    }

    fn recall(&mut self, place: usize) -> Result<(), WeightsError> {
        match self.memo.get(place).copied().flatten() {
            Some(number) => {
                self.stack.push(number);
                Ok(())
            }
            None => Err(self.damaged("a value that was never kept")),
        }
    }

    fn name(&mut self, module: &str, name: &str) -> Result<(), WeightsError> {
        let known = Name::find(module, name).map(Value::Name);
        self.push(known.unwrap_or_else(|| Value::Foreign(format!("{module}.{name}"))))
    }

    fn items(&self, number: usize) -> Option<&[usize]> {
        match &self.values[number] {
            Value::Tuple(items) | Value::List(items) => Some(items),
            _ => None,
        }
    }

    fn size(&self, number: usize) -> Option<usize> {
        match self.values[number] {
            Value::Int(size) => usize::try_from(size).ok(),
            _ => None,
        }
    }

    fn sizes(&self, number: usize) -> Option<Vec<usize>> {
        /// More dimensions than any weight has.
        const MOST: usize = 8;
        let items = self.items(number).filter(|items| items.len() <= MOST)?;
        items.iter().map(|&item| self.size(item)).collect()
    }

    /// REDUCE: one of the few functions that are known, with its arguments.
    fn call(&mut self) -> Result<(), WeightsError> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let result = match (&self.values[function], self.items(arguments)) {
            (Value::Foreign(name), _) if makes_a_value(name) => Some(Value::Foreign(name.clone())),
            (Value::Foreign(name), _) => {
                return Err(WeightsError::Refused { name: name.clone() });
            }
            (Value::Name(Name::OrderedDict), Some([])) => Some(Value::Dict(Vec::new())),
            // Python 2 gives the entries at once.
            (Value::Name(Name::OrderedDict), Some(&[entries])) => {
                let entries = self.items(entries).unwrap_or_default().iter();
                let pairs: Option<Vec<_>> = entries
                    .map(|&entry| match self.items(entry) {
                        Some(&[key, value]) => Some((key, value)),
                        _ => None,
                    })
                    .collect();
                pairs.map(Value::Dict)
            }
            (Value::Name(Name::RebuildTensor), Some(&[storage, first, shape, strides, ..])) => {
                self.view(storage, first, shape, strides)
            }
            (Value::Name(Name::RebuildParameter), Some(&[tensor, ..])) => {
                match &self.values[tensor] {
                    Value::Tensor(tensor) => Some(Value::Tensor(tensor.clone())),
                    _ => None,
                }
            }
            _ => None,
        };
        match result {
            Some(value) => self.push(value),
            None => Err(self.damaged("a call with wrong arguments")),
        }
    }

    fn view(&self, storage: usize, first: usize, shape: usize, strides: usize) -> Option<Value> {
        let Value::Storage(storage) = &self.values[storage] else {
            return None;
        };
        let (shape, strides) = (self.sizes(shape)?, self.sizes(strides)?);
        (shape.len() == strides.len()).then_some(())?;
        Some(Value::Tensor(TensorView {
            storage: storage.clone(),
            first: self.size(first)?,
            shape,
            strides,
        }))
    }

    /// BINPERSID: `('storage', type, key, location, count)`, in old files with a view of it behind.
    fn storage(&mut self) -> Result<(), WeightsError> {
        let number = self.pop()?;
        let storage = match self.items(number) {
            Some(&[kind, dtype, key, _, count, ref view @ ..]) => {
                let values = [kind, dtype, key].map(|number| &self.values[number]);
                let whole = match view {
                    [] => true,
                    [view] => matches!(self.values[*view], Value::None),
                    _ => false,
                };
                match (values, self.size(count)) {
                    (
                        [
                            Value::Text(kind),
                            Value::Name(Name::Storage(dtype)),
                            Value::Text(_),
                        ],
                        Some(count),
                    ) if kind == "storage" && whole => Some(Storage {
                        key,
                        dtype: dtype.clone(),
                        count,
                    }),
                    _ => None,
                }
            }
            _ => None,
        };
        match storage {
            Some(storage) => self.push(Value::Storage(storage)),
            None => Err(self.damaged("a storage that is described in another way")),
        }
    }
}
