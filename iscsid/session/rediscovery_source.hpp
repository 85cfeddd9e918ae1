#pragma once

#include "iscsid/session/clock.hpp"
#include "iscsid/session/isns_watch.hpp"
#include "iscsid/session/poll_lines.hpp"

#include "libiscsi/admin/record_id.hpp"

#include <chrono>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace iscsid::session {

// One source that is asked again and again. Nodes are known by their paths (path_of()).
struct rediscovery_source {
    using lines = std::set<std::string>;

    iscsi::admin::discovery_id id;
    std::string name; // for the log
    std::chrono::seconds interval{};
    bool is_over = false;                         // its record does not want it any more
    bool asks_now = false;                        // before its time has come
    bool has_asked = false;                       // a poll has ended, well or not
    bool waits_for_others = false;                // to have asked, before anything ends
    std::set<iscsi::admin::node_id> known{};      // what the last good answer had
    lines troubles{};                             // of polls, since the last one that went well
    lines unregistered{};                         // why not, since the last registration
    lines left_out{};                             // of the last answer
    std::set<iscsi::admin::node_id> kept{};       // gone, but in use
    std::set<iscsi::admin::node_id> remembered{}; // gone and ended, but users have set values
    std::shared_ptr<isns_watch> registration{};   // of an iSNS server

    poll_lines told_troubles{"troubles"};
    poll_lines told_ends{"ends of troubles"};
    poll_lines told_left_out{"lines about its answers"};
    poll_lines told_added{"new nodes"};
    poll_lines told_moved{"nodes with another group tag"};
    poll_lines told_unopened{"nodes not logged in to"};
    poll_lines told_kept{"nodes that stay"};
    poll_lines told_given{"nodes that another discovery names"};
    poll_lines told_removed{"nodes that it names no more"};

    // And tell an iSNS server again who asks.
    void ask_now() {
        asks_now = true;
        if (registration)
            registration->renew();
    }

    // Each once until a poll goes well.
    void failed(const std::string& why) {
        if (is_new(troubles, why))
            told_troubles.tell(
                spdlog::level::warn,
                name,
                {name + ": " + why + "; what was found before stays, it is asked again"},
                now()
            );
    }

    // The same of the registration with an iSNS server, which may fail while polls go well.
    void is_not_registered(const std::string& why) {
        if (is_new(unregistered, why))
            told_troubles.tell(
                spdlog::level::warn,
                name,
                {name + ": tells nothing of changes, and is asked to again: " + why},
                now()
            );
    }

    void is_registered() {
        if (!unregistered.empty())
            told_ends.tell(spdlog::level::info, name, {name + ": tells of changes again"}, now());
        unregistered.clear();
    }

    void went_well() {
        if (!troubles.empty())
            told_ends.tell(spdlog::level::info, name, {name + ": answers again"}, now());
        troubles.clear();
    }

    // What is not said already of its answers; then it is what was said.
    void say_of_answer(const lines& said) {
        std::vector<std::string> news;
        for (const auto& line : said)
            if (!left_out.contains(line))
                news.push_back(name + ": " + line);
        told_left_out.tell(spdlog::level::warn, name, news, now());
        left_out = said;
    }

  private:
    // Troubles may take turns; each is told once.
    static constexpr std::size_t most_troubles = 16;

    static bool is_new(lines& all, const std::string& why) {
        return all.size() < most_troubles && all.insert(why).second;
    }
};

} // namespace iscsid::session
