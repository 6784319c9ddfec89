//! The header itself.

use crate::comment::{Names, WIDTH, comment, lines};
use crate::source::{Constant, Field, Item, Section, Type, Value, What};
use anyhow::{Context, Result};

/// What stands before the types: the purpose, an example, what the header includes and defines for C's sake.
const OPENING: &str = include_str!("opening.h");

/// The example in the opening, which the tests compile.
const EXAMPLE: &str = include_str!("example.c");

/// Helpers that make C plugins shorter.
const CLOSING: &str = include_str!("closing.h");

/// Comments of the crate begin to be about C, too, at this line.
const RULES: &str = "# Rules that hold everywhere";

/// The header for these sections, the first of which is the crate root.
pub fn header(sections: &[Section]) -> Result<String> {
    let names = names(sections);
    let rules = sections.first().context("no sources")?;
    let rules = rules.about.find(RULES).map(|start| &rules.about[start..]);
    let rules = rules.with_context(|| format!("the crate's comment has no `{RULES}`"))?;
    let example: String = (EXAMPLE.lines())
        .map(|line| format!(" *     {line}").trim_end().to_owned() + "\n")
        .collect();
    let rules: String = (lines(rules, &names, 97)?.iter())
        .map(|line| format!(" * {line}").trim_end().to_owned() + "\n")
        .collect();
    let mut text = OPENING
        .replace(" * @EXAMPLE@\n", &example)
        .replace(" * @RULES@\n", &rules);
    text.push('\n');
    for item in sections.iter().flat_map(|section| &section.items) {
        if let What::Struct(_) = item.what {
            let name = type_name(&item.name);
            text.push_str(&format!("typedef struct {name} {name};\n"));
        }
    }
    for section in sections {
        let title = match section.about.contains(RULES) {
            true => "What both sides use everywhere, and the table a plugin begins with.",
            false => section.about.as_str(),
        };
        text.push_str(&format!("\n/* {} */\n\n", "=".repeat(94)));
        text.push_str(&comment(title, &names, "")?);
        let mut written = Vec::new();
        for item in &section.items {
            write_item(&mut text, item, section, &names, &mut written)
                .with_context(|| format!("`{}`", item.name))?;
        }
    }
    text.push_str(CLOSING);
    Ok(text)
}

/// Writes an item after those of its section that it holds by value, and each only once.
fn write_item<'a>(
    text: &mut String,
    item: &'a Item,
    section: &'a Section,
    names: &Names,
    written: &mut Vec<&'a str>,
) -> Result<()> {
    if written.contains(&item.name.as_str()) {
        return Ok(());
    }
    written.push(&item.name);
    let types = match &item.what {
        What::Struct(fields) => fields.iter().map(|field| &field.of).collect(),
        What::Alias(of) | What::Entry(of) => vec![of],
        _ => Vec::new(),
    };
    for name in types.into_iter().flat_map(held) {
        if let Some(needed) = section.items.iter().find(|other| other.name == name) {
            write_item(text, needed, section, names, written)?;
        }
    }
    text.push('\n');
    text.push_str(&comment(&item.docs, names, "")?);
    text.push_str(&definition(item, names)?);
    Ok(())
}

/// The names of types that must be known before a declaration: those not behind a pointer.
fn held(of: &Type) -> Vec<&str> {
    match of {
        Type::Named(name) => vec![name],
        Type::Plain(_) | Type::Pointer { .. } => Vec::new(),
        Type::Function { arguments, returns } => (arguments.iter().map(|field| &field.of))
            .chain(returns.as_deref())
            .flat_map(held)
            .collect(),
    }
}

fn definition(item: &Item, names: &Names) -> Result<String> {
    let name = type_name(&item.name);
    Ok(match &item.what {
        What::Struct(fields) => {
            let mut text = format!("struct {name} {{\n");
            for field in fields {
                text.push_str(&comment(&field.docs, names, "    ")?);
                text.push_str(&format!("    {};\n", wrapped(&declared(field), 4)));
            }
            text + "};\n"
        }
        What::Number(constants) => {
            let mut text = format!("typedef uint32_t {name};\n");
            for Constant {
                name: constant,
                docs,
                value,
            } in constants
            {
                text.push_str(&comment(docs, names, "")?);
                let constant = constant_name(Some(&item.name), constant);
                text.push_str(&format!("#define {constant} (({name})UINT32_C({value}))\n"));
            }
            text
        }
        What::Alias(of) => format!("typedef {};\n", declaration(of, &name)),
        What::Entry(of) => format!("TOPWORK_EXPORT {};\n", exported(of, "topwork_plugin_entry")),
        What::Constant(value) => {
            let value = match value {
                Value::Number(number) => format!("UINT32_C({number})"),
                Value::Text(text) => format!("\"{text}\""),
            };
            format!("#define {} {value}\n", constant_name(None, &item.name))
        }
    })
}

fn declared(field: &Field) -> String {
    declaration(&field.of, &field.name)
}

/// The declaration of `name`, as C has it: around the name.
fn declaration(of: &Type, name: &str) -> String {
    match of {
        Type::Plain(plain) => format!("{plain} {name}"),
        Type::Named(named) => format!("{} {name}", type_name(named)),
        Type::Pointer { mutable, to } => {
            let inner = match &**to {
                // `const T *const *name`: the constness of what is pointed to stands before the star.
                Type::Pointer { .. } if !mutable => format!("const *{name}"),
                _ => format!("*{name}"),
            };
            let constant = if *mutable || matches!(**to, Type::Pointer { .. }) {
                ""
            } else {
                "const "
            };
            format!("{constant}{}", declaration(to, &inner)).replace("* const", "*const")
        }
        Type::Function { .. } => exported(of, &format!("(*{name})")),
    }
}

/// A function with this name.
fn exported(of: &Type, name: &str) -> String {
    let Type::Function { arguments, returns } = of else {
        return declaration(of, name);
    };
    let arguments = match &arguments[..] {
        [] => "void".to_owned(),
        some => some.iter().map(declared).collect::<Vec<_>>().join(", "),
    };
    let function = format!("{name}({arguments})");
    match returns {
        None => format!("void {function}"),
        Some(of) => declaration(of, &function),
    }
}

/// A declaration that begins behind `indent` spaces, with its arguments on lines of their own where one is not enough.
fn wrapped(declaration: &str, indent: usize) -> String {
    if indent + declaration.len() < WIDTH {
        return declaration.to_owned();
    }
    // Behind the name of a function pointer.
    let start = declaration.find(")(").map_or(0, |place| place + 2);
    let (head, arguments) = declaration.split_at(start);
    let margin = format!("\n{}", " ".repeat(indent + 4));
    format!(
        "{head}{margin}{}",
        arguments.replace(", ", &format!(",{margin}"))
    )
}

/// What comments call things, and what C does.
fn names(sections: &[Section]) -> Names {
    let mut names = Names::new();
    for item in sections.iter().flat_map(|section| &section.items) {
        let name = match &item.what {
            What::Constant(_) => constant_name(None, &item.name),
            What::Entry(_) => "topwork_plugin_entry".to_owned(),
            _ => type_name(&item.name),
        };
        names.insert(item.name.clone(), name);
        if let What::Number(constants) = &item.what {
            for constant in constants {
                let rust = format!("{}::{}", item.name, constant.name);
                names.insert(rust, constant_name(Some(&item.name), &constant.name));
            }
        }
    }
    names
}

/// `DatasetTable` is `topwork_dataset_table`.
fn type_name(rust: &str) -> String {
    format!("topwork_{}", words(rust))
}

/// `Status::OK` is `TOPWORK_STATUS_OK`.
fn constant_name(of: Option<&str>, rust: &str) -> String {
    match of {
        Some(of) => format!("TOPWORK_{}_{rust}", words(of).to_uppercase()),
        None => format!("TOPWORK_{rust}"),
    }
}

fn words(rust: &str) -> String {
    let mut words = String::new();
    for character in rust.chars() {
        if character.is_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.extend(character.to_lowercase());
    }
    words
}
