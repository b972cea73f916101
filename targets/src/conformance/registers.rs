//! The steps of the registers.

use std::sync::Arc;

use dsjepsen_engine::api::{Registers, Serve};

use super::{Broken, Examination, soon};

const ABILITY: &str = "register";

/// The registers that are used.
const KEY: u64 = 1;
const OTHER_KEY: u64 = 2;

type AllRegisters = Serve<dyn Registers>;

impl Examination<'_> {
    pub(super) async fn registers(&mut self) {
        if let Some(serve) = self.abilities.registers.clone() {
            let examined = self.write_and_compare(&serve).await;
            self.conclude(ABILITY, examined);
        }
    }

    async fn write_and_compare(&mut self, serve: &AllRegisters) -> Result<(), Broken> {
        let (first, last) = self.ends();
        let one = self.connect(ABILITY, serve, first)?;
        let other = self.connect(ABILITY, serve, last)?;
        self.register_is(serve, KEY, None).await?;
        let came = one.compare_and_set(KEY, 0, 1, soon()).await;
        self.expect(ABILITY, "set it to 1 if it is 0", "false: it has no value", came, |swapped| !swapped)?;
        self.register_is(serve, KEY, None).await?;
        let came = one.write(KEY, 7, soon()).await;
        self.expect(ABILITY, "write 7", "done", came, |()| true)?;
        self.register_is(serve, KEY, Some(7)).await?;
        let came = other.compare_and_set(KEY, 7, 8, soon()).await;
        self.expect(ABILITY, &format!("set it to 8 if it is 7, at {last}"), true, came, |swapped| *swapped)?;
        self.register_is(serve, KEY, Some(8)).await?;
        let came = one.compare_and_set(KEY, 7, 9, soon()).await;
        self.expect(ABILITY, "set it to 9 if it is 7", "false: it is 8", came, |swapped| !swapped)?;
        self.register_is(serve, KEY, Some(8)).await?;
        self.register_is(serve, OTHER_KEY, None).await
    }

    /// Every node shows this value.
    async fn register_is(&mut self, serve: &AllRegisters, key: u64, wanted: Option<u64>) -> Result<(), Broken> {
        let step = format!("read register {key}");
        let read = async |client: Arc<dyn Registers>| client.read(key, soon()).await;
        self.everywhere(ABILITY, &step, serve, wanted, read).await
    }
}
