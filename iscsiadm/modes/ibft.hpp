#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

// The iSCSI Boot Firmware Table (iBFT) as Linux shows it below /sys/firmware/ibft: `initiator`,
// `ethernetN` and `targetN`, a file for each field. Only machines whose firmware can boot from a
// target have it; Open Firmware, and the tables of offload adapters, are not read.
namespace iscsi::cli {

// One target, with the network device that the firmware reached it through. Each text is one
// printable line; what the firmware does not tell is empty.
struct boot_target {
    std::string initiator_name;

    bool has_network = false; // without it all of these are empty
    std::string hardware_address;
    bool by_dhcp = false;
    std::string address, prefix_length, subnet_mask, gateway;
    std::string primary_dns, secondary_dns;
    std::string vlan;
    std::string network_device; // as the system calls it

    std::string name; // an iSCSI name
    std::string portal_address;
    std::uint16_t port = 3260;
    std::string user, password, user_in, password_in; // CHAP
    std::string lun;
};

struct boot_firmware {
    std::vector<boot_target> targets;  // in the order of their numbers
    std::vector<std::string> warnings; // of what cannot be used: where, expected, got; no secrets
};

// Everything that can be used of it: a field that is not right is left out with a warning, and so
// is a target without name or portal. Blocks whose flags are 0 are none. Never fails: without
// firmware there is no target.
boot_firmware read_ibft(const std::filesystem::path& sysfs);

// The settings of `-m fw`, by open-iscsi's names and in its order; those that are empty are left
// out.
std::vector<std::pair<std::string, std::string>> settings_of(const boot_target& target);

} // namespace iscsi::cli
