#pragma once

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/base/result.hpp"

#include <optional>

namespace scsi {

// What MODE SENSE tells of a disk: device-specific parameter of the header (SBC-3 §6.4.1) and the
// caching mode page (§6.4.5).
// Every member is careful where nothing came: not write-protected is a guess that the first write
// corrects, no DPOFUA means that a flush does its work.
struct mode_parameters {
    bool write_protected = false;            // WP
    bool dpofua = false;                     // DPOFUA
    std::optional<bool> write_cache_enabled; // WCE; nothing when the caching page did not come

    friend bool operator==(const mode_parameters&, const mode_parameters&) = default;
};

// SPC-4 §7.5.5 and §7.5.6. Block descriptors are skipped; lengths that lie are cut to what came.
// Fault: parameter_errc::too_short when the header is not there.
iscsi::result<mode_parameters> read_mode_6_data(iscsi::bytes_view data);
iscsi::result<mode_parameters> read_mode_10_data(iscsi::bytes_view data);

} // namespace scsi
