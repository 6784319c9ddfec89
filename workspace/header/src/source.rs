//! The sources of the ABI as what a header needs: types, constants, comments.

use anyhow::{Context, Result, anyhow, bail};
use std::path::Path;
use syn::{Attribute, Expr, Fields, ImplItem, Item as Syntax, Lit, ReturnType, Type as Written};

/// The files in the order of the header, by module. The crate root comes first; a module that is missing here is an error.
const ORDER: &[&str] = &[
    "lib",
    "host",
    "component",
    "dataset",
    "provenance",
    "decoder",
    "images",
    "backbone",
    "extractor",
    "extractor_network",
    "extractor_onnx",
    "cut",
    "head",
    "classifier",
    "classifier_layers",
    "numbers",
];

/// How Rust reads and fills tables, which C does by assigning fields.
const NOT_IN_C: &[&str] = &["table"];

/// One module.
pub struct Section {
    /// The module's own comment.
    pub about: String,
    /// What it defines, in its order.
    pub items: Vec<Item>,
}

/// A definition.
pub struct Item {
    /// Its name in Rust.
    pub name: String,
    /// Its comment, as written.
    pub docs: String,
    /// What it is.
    pub what: What,
}

/// What a definition is.
pub enum What {
    /// A structure with its fields.
    Struct(Vec<Field>),
    /// A number with names for some of its values.
    Number(Vec<Constant>),
    /// A name for another type.
    Alias(Type),
    /// The type of the function that a plugin exports.
    Entry(Type),
    /// A number or text.
    Constant(Value),
}

/// A field or an argument.
pub struct Field {
    pub name: String,
    pub docs: String,
    pub of: Type,
}

/// A value with a name of its own within a number's type.
pub struct Constant {
    pub name: String,
    pub docs: String,
    pub value: String,
}

/// The value of a constant.
pub enum Value {
    Number(String),
    Text(String),
}

/// A type.
pub enum Type {
    /// A type of C's own.
    Plain(&'static str),
    /// One of the ABI, by its name in Rust.
    Named(String),
    Pointer {
        mutable: bool,
        to: Box<Type>,
    },
    Function {
        arguments: Vec<Field>,
        returns: Option<Box<Type>>,
    },
}

/// Reads all modules.
pub fn read(folder: &Path) -> Result<Vec<Section>> {
    let mut sections = Vec::new();
    for module in ORDER {
        let path = folder.join(format!("{module}.rs"));
        // A module of a later version is not in the sources of an earlier one.
        if *module != "lib" && !path.exists() {
            continue;
        }
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read `{}`", path.display()))?;
        let section = syn::parse_file(&text)
            .map_err(anyhow::Error::from)
            .and_then(section);
        sections.push(section.with_context(|| format!("in `{}`", path.display()))?);
    }
    Ok(sections)
}

fn section(file: syn::File) -> Result<Section> {
    let about = docs(&file.attrs);
    let mut items: Vec<Item> = Vec::new();
    for syntax in file.items {
        match syntax {
            Syntax::Mod(module) if module.content.is_none() => {
                let name = module.ident.to_string();
                if !ORDER.contains(&name.as_str()) && !NOT_IN_C.contains(&name.as_str()) {
                    bail!("the module `{name}` has no place in the order of the header");
                }
            }
            Syntax::Struct(found) => {
                let name = found.ident.to_string();
                let what = match found.fields {
                    Fields::Named(fields) => What::Struct(
                        (fields.named.into_iter())
                            .map(|field| {
                                let name = field.ident.map(|i| i.to_string()).unwrap_or_default();
                                Ok(Field {
                                    docs: docs(&field.attrs),
                                    of: of(&field.ty).with_context(|| format!("field `{name}`"))?,
                                    name,
                                })
                            })
                            .collect::<Result<_>>()?,
                    ),
                    _ => What::Number(Vec::new()),
                };
                items.push(Item {
                    docs: docs(&found.attrs),
                    name,
                    what,
                });
            }
            Syntax::Impl(found) if found.trait_.is_none() => {
                let Type::Named(name) = of(&found.self_ty)? else {
                    continue;
                };
                let item = items.iter_mut().find(|item| item.name == name);
                if let Some(What::Number(constants)) = item.map(|item| &mut item.what) {
                    for of_type in found.items {
                        if let ImplItem::Const(constant) = of_type {
                            constants.push(Constant {
                                name: constant.ident.to_string(),
                                docs: docs(&constant.attrs),
                                value: wrapped(&constant.expr)?,
                            });
                        }
                    }
                }
            }
            Syntax::Type(found) => {
                let name = found.ident.to_string();
                let named = of(&found.ty).with_context(|| format!("type `{name}`"))?;
                let what = match named {
                    Type::Function { .. } => What::Entry(named),
                    _ => What::Alias(named),
                };
                items.push(Item {
                    docs: docs(&found.attrs),
                    name,
                    what,
                });
            }
            Syntax::Const(found) => items.push(Item {
                name: found.ident.to_string(),
                docs: docs(&found.attrs),
                what: What::Constant(value(&found.expr)?),
            }),
            _ => {}
        }
    }
    Ok(Section { about, items })
}

/// The lines of a comment, without the space that each begins with.
fn docs(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let Ok(pair) = attribute.meta.require_name_value() else {
            return None;
        };
        match &pair.value {
            Expr::Lit(literal) if pair.path.is_ident("doc") => match &literal.lit {
                Lit::Str(line) => Some(line.value()),
                _ => None,
            },
            _ => None,
        }
    });
    let lines: Vec<String> = lines
        .map(|line| line.strip_prefix(' ').unwrap_or(&line).to_owned())
        .collect();
    lines.join("\n")
}

fn value(expression: &Expr) -> Result<Value> {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Int(number) => Ok(Value::Number(number.base10_digits().to_owned())),
            Lit::Str(text) => Ok(Value::Text(text.value())),
            _ => Err(anyhow!(
                "a constant that is neither a whole number nor text"
            )),
        },
        _ => Err(anyhow!("a constant that is not written out")),
    }
}

/// The number in `Kind(10)`.
fn wrapped(expression: &Expr) -> Result<String> {
    let Expr::Call(call) = expression else {
        bail!("a constant that is not of the form `Type(number)`");
    };
    match call.args.first().map(value).transpose()? {
        Some(Value::Number(number)) => Ok(number),
        _ => Err(anyhow!("a constant that is not of the form `Type(number)`")),
    }
}

fn of(written: &Written) -> Result<Type> {
    match written {
        Written::Ptr(pointer) => Ok(Type::Pointer {
            mutable: matches!(pointer.mutability, syn::PointerMutability::Mut(_)),
            to: Box::new(of(&pointer.elem)?),
        }),
        Written::FnPtr(function) => {
            let arguments = (function.inputs.iter())
                .map(|argument| {
                    let name = argument.name.as_ref();
                    Ok(Field {
                        name: name.map(|(name, _)| name.to_string()).unwrap_or_default(),
                        docs: String::new(),
                        of: of(&argument.ty)?,
                    })
                })
                .collect::<Result<_>>()?;
            let returns = match &function.output {
                ReturnType::Default => None,
                ReturnType::Type(_, written) => Some(Box::new(of(written)?)),
            };
            Ok(Type::Function { arguments, returns })
        }
        Written::Path(path) => {
            let last = path.path.segments.last().context("a path without a name")?;
            Ok(match last.ident.to_string().as_str() {
                "Option" => {
                    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else {
                        bail!("an `Option` of nothing");
                    };
                    match arguments.args.first() {
                        // A null pointer says that there is no function.
                        Some(syn::GenericArgument::Type(function @ Written::FnPtr(_))) => {
                            of(function)?
                        }
                        _ => bail!("an `Option` of something that is not a function"),
                    }
                }
                "u8" => Type::Plain("uint8_t"),
                "u32" => Type::Plain("uint32_t"),
                "u64" => Type::Plain("uint64_t"),
                "usize" => Type::Plain("size_t"),
                "f32" => Type::Plain("float"),
                "bool" => Type::Plain("bool"),
                "c_void" => Type::Plain("void"),
                name => Type::Named(name.to_owned()),
            })
        }
        _ => Err(anyhow!("a type that has no counterpart in C")),
    }
}
