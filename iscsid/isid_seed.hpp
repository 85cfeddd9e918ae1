#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace iscsid {

// Where a database keeps the seed of its ISIDs: 32 hexadecimal digits, made once.
inline constexpr const char* isid_seed_name = ".isid-seed";

// What tells the ISIDs of this machine from those of its clones: the seed of the database, and the
// machine's own ID (/etc/machine-id), which a copy of the database on another machine does not
// have. Makes the seed of a database without node records. Empty in one with records and without a
// seed: they are of a time without such, and targets know their sessions by the ISIDs of then. So
// it is, with a warning, when the seed cannot be read or written.
std::string isid_seed(
    const std::filesystem::path& database,
    const std::filesystem::path& machine_id_file = "/etc/machine-id"
);

// What isid_seed() would warn of, without changing anything: a seed that is there and cannot be
// used.
std::optional<std::string> fault_of_isid_seed(const std::filesystem::path& database);

} // namespace iscsid
