#pragma once

#include "iscsid/device/lun_probe.hpp"

#include <optional>
#include <string>
#include <vector>

namespace iscsid::device {

struct surveyed_lun {
    iscsi::lun_field lun{};
    std::optional<probed_lun> probed; // nothing: there was no time left for it
};

// What a look at all LUNs of a target has brought, in the order of the target's list.
struct survey_result {
    std::vector<surveyed_lun> luns;
    std::string no_list;         // why there is none, so that `luns` are guesses; "" mostly
    bool is_list_silent = false; // because it was not answered

    // Nobody has said that there is such a LUN.
    bool is_vain_guess(const surveyed_lun& lun) const;
};

// Looks at every LUN, several at a time, within the limits. What scan() is made of, with all that
// was learned of what is no disk. Fault: the session is lost.
boost::asio::awaitable<iscsi::result<survey_result>>
survey(execute_function execute, scan_limits limits = {}, const scan_clock& clock = system_clock());

} // namespace iscsid::device
