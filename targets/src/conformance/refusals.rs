//! The steps that a node of the HTTP/JSON contract must refuse, as what surely had no effect.

use dsjepsen_engine::api::{CallError, Repeat, Request};
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{CheckResult, Examination, soon};
use crate::contract::RefusalBody;

const ABILITY: &str = "contract";

impl Examination<'_> {
    pub(super) async fn refusals(&mut self) {
        let Some(port) = self.contract_port else { return };
        self.refuses("a path that there is not", port, "/no/such/path", json!({})).await;
        let offered = [
            (self.abilities.counter.is_some(), "/counter/add"),
            (self.abilities.registers.is_some(), "/register/write"),
            (self.abilities.locks.is_some(), "/lock/acquire"),
        ];
        for (_, path) in offered.into_iter().filter(|(offered, _)| *offered) {
            self.refuses(&format!("{path} without what it needs"), port, path, json!({"nonsense": true})).await;
        }
    }

    async fn refuses(&mut self, step: &str, port: u16, path: &'static str, body: Value) {
        let (node, _) = self.ends();
        let came = match self.access(node).connect() {
            Ok(connection) => {
                let request = Request::post("check", port, path, body, Repeat::OnlyUnsent).in_dialect(as_it_is);
                connection.call(&request, soon()).await
            }
            Err(error) => return self.push(ABILITY, "connect", "a client", CheckResult::Failed(error.to_string())),
        };
        let result = match came {
            Ok(response) => {
                let (status, body) = (response["status"].as_u64().unwrap_or_default(), &response["body"]);
                let refusal = serde_json::from_value::<RefusalBody>(body.clone());
                match refusal {
                    Ok(refusal) if refusal.definite && !(200..300).contains(&status) => {
                        CheckResult::Passed(format!("{status}, {body}"))
                    }
                    _ => CheckResult::Failed(format!("{status}, {body}")),
                }
            }
            Err(error) => CheckResult::Failed(format!("no response: {error}")),
        };
        self.push(ABILITY, &format!("POST {step}"), "not 2xx, and {\"error\": …, \"definite\": true}", result);
    }
}

/// The response itself, whatever it says: a refusal would be repeated until the deadline.
fn as_it_is(status: StatusCode, body: &[u8]) -> Result<Value, CallError> {
    let body = serde_json::from_slice(body).unwrap_or_else(|_| Value::from(String::from_utf8_lossy(body)));
    Ok(json!({"status": status.as_u16(), "body": body}))
}
