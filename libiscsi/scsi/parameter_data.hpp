#pragma once

#include "libiscsi/base/bytes.hpp"
#include "libiscsi/base/result.hpp"
#include "libiscsi/scsi/cdb.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace scsi {

enum class parameter_errc {
    too_short = 1, // less than the smallest header that makes sense
    wrong_page,    // another page than the one asked for
    out_of_range,  // a number that no disk can have
};

const char* category_name(parameter_errc);
std::string_view message_of(parameter_errc);

iscsi::fault
parameter_fault(parameter_errc why, std::string field, std::string got, std::string expected);

// How many bytes the data of this command says that it has, by its own length field: INQUIRY and
// VPD pages, MODE SENSE, REPORT LUNS, PERSISTENT RESERVE IN (SPC-4 §6.6.2, §7.8.1, §7.5.5, §6.33,
// §6.15). Nothing when that field did not come, or the command's data has none.
std::optional<std::size_t> stated_length(const cdb_field& cdb, iscsi::bytes_view data);

// Data that a target returned. Nothing in it is believed: what lies past its end reads as zero,
// which is how SPC-4 §4.2.5.6 wants truncated parameter data to be read.
class parameter_data {
  public:
    explicit parameter_data(iscsi::bytes_view bytes) : bytes_(bytes) {}

    std::size_t size() const { return bytes_.size(); }

    bool holds(std::size_t at, std::size_t length) const;

    std::uint8_t u8(std::size_t at) const;
    std::uint16_t u16(std::size_t at) const;
    std::uint32_t u32(std::size_t at) const;
    std::uint64_t u64(std::size_t at) const;
    bool bit(std::size_t at, unsigned number) const;

    // The part of [at, at + length) that is there.
    iscsi::bytes_view slice(std::size_t at, std::size_t length) const;

    // Without what lies past `length`, as a length field says it.
    parameter_data cut_to(std::size_t length) const { return parameter_data(slice(0, length)); }

    // An ASCII field: ends at a NUL, unprintable characters become blanks, blanks are trimmed.
    std::string text(std::size_t at, std::size_t length) const;

  private:
    iscsi::bytes_view bytes_;
};

} // namespace scsi
