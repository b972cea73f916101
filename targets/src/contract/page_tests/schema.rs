//! As much of JSON Schema as `contract.schema.json` uses. A keyword that is not known here is refused, so that none is passed
//! over.

use serde_json::{Map, Value};

/// The schema.
pub(super) struct Schema(Value);

impl Schema {
    pub(super) fn new(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap())
    }

    /// Whether a value fits the definition of this name.
    pub(super) fn accept(&self, name: &str, value: &Value) -> Result<(), String> {
        let definition = self.0["$defs"].get(name).ok_or_else(|| format!("the schema has no `{name}`"))?;
        self.fits(definition.as_object().unwrap(), value).map_err(|problem| format!("{value} is no {name}: {problem}"))
    }

    fn fits(&self, schema: &Map<String, Value>, value: &Value) -> Result<(), String> {
        let fail = |problem: String| Err(problem);
        for (keyword, argument) in schema {
            match keyword.as_str() {
                "$ref" => {
                    let name = argument.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                    self.accept(name, value)?;
                }
                "type" => {
                    let types: Vec<_> = argument.as_array().map_or(vec![argument], |types| types.iter().collect());
                    if !types.iter().any(|name| has_type(value, name.as_str().unwrap())) {
                        return fail(format!("{value} is not of type {argument}"));
                    }
                }
                "properties" => {
                    for (name, schema) in argument.as_object().unwrap() {
                        if let Some(member) = value.get(name) {
                            self.fits(schema.as_object().unwrap(), member)?;
                        }
                    }
                }
                "required" => {
                    if let Some(name) =
                        argument.as_array().unwrap().iter().find(|name| value.get(name.as_str().unwrap()).is_none())
                    {
                        return fail(format!("{name} is missing"));
                    }
                }
                "oneOf" => {
                    let schemas = argument.as_array().unwrap().iter();
                    let fitting =
                        schemas.filter(|schema| self.fits(schema.as_object().unwrap(), value).is_ok()).count();
                    if fitting != 1 {
                        return fail(format!("{fitting} of its alternatives fit"));
                    }
                }
                "const" if value != argument => return fail(format!("{value} is not {argument}")),
                "enum" if !argument.as_array().unwrap().contains(value) => {
                    return fail(format!("{value} is none of {argument}"));
                }
                "minimum" if value.as_f64() < argument.as_f64() && value.is_number() => {
                    return fail(format!("{value} is too small"));
                }
                "maximum" if value.as_f64() > argument.as_f64() && value.is_number() => {
                    return fail(format!("{value} is too large"));
                }
                "minLength" if value.as_str().is_some_and(|text| (text.len() as u64) < argument.as_u64().unwrap()) => {
                    return fail(format!("{value} is too short"));
                }
                "const" | "enum" | "minimum" | "maximum" | "minLength" => {}
                other => panic!("this reader of schemas does not know `{other}`"),
            }
        }
        Ok(())
    }
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "integer" => value.is_i64() || value.is_u64(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("this reader of schemas does not know the type `{other}`"),
    }
}
