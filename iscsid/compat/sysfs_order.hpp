#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The files of the tree that act: which there are, and what is written to them. Pure.
namespace iscsid::compat {

enum class acting_kind : std::uint8_t { scan, remove, rescan };

// One of them. They stand in a folder of their own, where links of the tree lead.
struct acting_file {
    acting_kind kind = acting_kind::scan;
    std::uint32_t sid = 0;
    std::uint32_t host = 0;
    std::uint64_t lun = 0; // not of `scan`

    friend bool operator==(const acting_file&, const acting_file&) = default;
};

// "host1001.scan", "1001:0:0:3.delete"
std::string name_of(const acting_file& file);

// What a write to `scan` asks for: one LUN, or all that the target has.
struct scan_order {
    std::optional<std::uint64_t> lun;
};

// "CHANNEL ID LUN", each a number as C writes it or "-" for any (scsi_scan() of the kernel). A
// session has channel 0 and ID 0; nothing for any other, and for everything else.
std::optional<scan_order> read_scan(std::string_view written);

// Whether it is "1", which is what callers write to `delete` and `rescan`.
bool is_one(std::string_view written);

} // namespace iscsid::compat
