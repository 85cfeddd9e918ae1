#pragma once

#include "iscsid/lane/trouble_log.hpp"

#include "libiscsi/core/pdu/pdu.hpp"
#include "libiscsi/scsi/disposition.hpp"

#include <map>
#include <optional>
#include <utility>

namespace iscsid::session {

// Which of the attentions and messages of a target get a line, for a target may send thousands a
// second: of each kind of each logical unit as lane::line_limit has it.
class attention_log {
  public:
    using line = lane::line_limit::line;

    std::optional<line>
    attention(const iscsi::lun_field& lun, scsi::attention what, iscsi::instant now) {
        const auto key = std::pair(lun, what);
        if (units_.size() >= most_units && !units_.contains(key))
            return others_.note(now);
        return units_[key].note(now);
    }

    // Asynchronous Messages with this AsyncEvent (RFC 7143 §11.9.1).
    std::optional<line> message(std::uint8_t event, iscsi::instant now) {
        return messages_[event].note(now);
    }

  private:
    // A target may make up LUNs without end.
    static constexpr std::size_t most_units = 4096;

    std::map<std::pair<iscsi::lun_field, scsi::attention>, lane::line_limit> units_;
    lane::line_limit others_;
    std::map<std::uint8_t, lane::line_limit> messages_;
};

} // namespace iscsid::session
