#pragma once

#include <cstdint>
#include <optional>

namespace iscsi {

// What a request that is no SCSI command is for.
enum class control_purpose : std::uint16_t { ping, text, logout, task_management };

// Initiator Task Tags of such requests. The low half is above every task slot, so a tag tells which
// it is; the high half counts, so an old answer is not taken for a new one.
class control_tags {
  public:
    std::uint32_t next(control_purpose purpose) {
        return (std::uint32_t{++count_} << 16U) | first | static_cast<std::uint32_t>(purpose);
    }

    static std::optional<control_purpose> purpose_of(std::uint32_t tag) {
        const auto number = tag & 0xffffU;
        if (number < first || number > first + last)
            return std::nullopt;
        return static_cast<control_purpose>(number - first);
    }

  private:
    static constexpr std::uint32_t first = 0x8000;
    static constexpr auto last = static_cast<std::uint32_t>(control_purpose::task_management);

    std::uint16_t count_ = 0;
};

} // namespace iscsi
