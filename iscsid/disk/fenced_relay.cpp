#include "iscsid/disk/fenced_relay.hpp"

#include "iscsid/disk/fence_file.hpp"
#include "iscsid/disk/kernel/system_fault.hpp"

#include <algorithm>
#include <utility>

namespace iscsid::disk {

namespace {

// The kernel makes no more queues than it has processors: the first sessions have them.
std::vector<lane::session_key> with_queue(const queue_owners& of) {
    auto those = of.sessions;
    those.resize(std::min(those.size(), of.queues));
    return those;
}

relay_pointer relay_with(std::unique_ptr<lane::fence_memory> memory, bool is_left) {
    return std::make_shared<flush_relay>(
        std::make_shared<lane::write_fence>(std::move(memory), is_left)
    );
}

} // namespace

// A session without a queue matters: it may have the next disk.
iscsi::result<relay_pointer> make_relay(const std::string& runtime_folder, const queue_owners& of) {
    if (of.sessions.size() < 2)
        return relay_pointer();
    forget_fence(runtime_folder, of.nonce);
    auto noted = fence_file::open(runtime_folder, of.nonce);
    if (!noted)
        return noted.error();
    (*noted)->note_sessions(with_queue(of));
    return relay_with(*std::move(noted), false);
}

iscsi::result<relay_pointer> find_relay(
    const std::string& runtime_folder,
    const queue_owners& of,
    const std::function<void(const std::string& words)>& warn
) {
    const std::string wanted = "those of its " + std::to_string(of.queues) + " queues";
    if (of.queues > of.sessions.size())
        return not_as_wanted(
            of.node, std::to_string(of.sessions.size()) + " sessions that are known", wanted
        );
    const bool is_of_one = of.sessions.size() < 2;
    if (is_of_one && !has_fence(runtime_folder, of.nonce))
        return relay_pointer();
    auto left = open_left_fence(runtime_folder, of.nonce, with_queue(of));
    if (left.is_of_others)
        return not_as_wanted(of.node, "other sessions", wanted);
    if (is_of_one)
        return relay_pointer();
    if (!left.trouble.empty() && warn)
        warn(
            of.node +
            ": which sessions of it may have left a write that still runs is not known (" +
            left.trouble +
            "): each is taken to have, and the others do not write before it has an answer"
        );
    return relay_with(std::move(left.memory), true);
}

} // namespace iscsid::disk
