//! `portreeve nic`.

use clap::{Args, Subcommand};
use portreeve_host::bind::UserDriver;
use portreeve_host::hugepages::Want;

/// What to do with NICs and huge pages.
#[derive(Debug, Subcommand)]
#[command(subcommand_help_heading = "Commands")]
pub enum NicCommand {
    /// List the NICs: driver, node, link, queues, and what Portreeve could do with each
    List {
        /// Print everything, as JSON
        #[arg(long)]
        json: bool,
    },
    /// Hand NICs to a driver that leaves them to DPDK (root)
    ///
    /// The driver that has a NIC now is remembered, and portreeve nic unbind gives the NIC back to it. A reboot does so too.
    Bind(BindArgs),
    /// Give NICs back to the drivers that had them (root)
    Unbind {
        /// PCI addresses, or the names their interfaces had
        #[arg(required = true, value_name = "NIC")]
        nics: Vec<String>,
        /// Print what was done, as JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the reserve of huge pages; with SIZE=COUNT set and mount it (root)
    Hugepages(HugepagesArgs),
}

/// What is to be bound.
#[derive(Debug, Args)]
pub struct BindArgs {
    /// PCI addresses, or names of interfaces
    #[arg(required = true, value_name = "NIC")]
    pub nics: Vec<String>,
    /// auto, vfio-pci, igb_uio or uio_pci_generic
    ///
    /// auto: vfio-pci behind an IOMMU, else igb_uio if the kernel has it, else uio_pci_generic.
    #[arg(long, value_name = "DRIVER", default_value = "auto")]
    pub driver: DriverChoice,
    /// Also if the interface carries the default route, an address or your SSH session
    #[arg(long)]
    pub take_over: bool,
    /// vfio-pci without an IOMMU: the NIC may then write anywhere in memory
    #[arg(long)]
    pub no_iommu: bool,
    /// Print what was done, as JSON
    #[arg(long)]
    pub json: bool,
}

/// What is to be reserved.
#[derive(Debug, Args)]
pub struct HugepagesArgs {
    /// So many pages in all, such as 2MiB=512 or 1GiB=2; on NUMA node 1 alone: 2MiB=512@1; 0 gives back
    #[arg(value_name = "SIZE=COUNT")]
    pub wants: Vec<Want>,
    /// The same at each boot
    #[arg(long, requires = "wants")]
    pub boot: bool,
    /// Print as JSON
    #[arg(long)]
    pub json: bool,
}

/// A driver, or the best there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriverChoice(pub Option<UserDriver>);

impl std::str::FromStr for DriverChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(DriverChoice(None)),
            text => match text.parse() {
                Ok(driver) => Ok(DriverChoice(Some(driver))),
                Err(error) => Err(format!("{error}, nor auto")),
            },
        }
    }
}
