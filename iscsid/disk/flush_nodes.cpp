#include "iscsid/disk/flush_nodes.hpp"

#include "iscsid/disk/kernel/errors.hpp"
#include "iscsid/disk/kernel/operations.hpp"

#include <poll.h>

#include <algorithm>
#include <optional>

namespace iscsid::disk {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds between_looks{200}; // at how far they are
constexpr auto users_limit = 5s;
constexpr std::size_t nodes_in_a_question = 64; // a message has 4096 bytes

// A flush of one device, on its way.
struct flushing {
    fields request;
    os::descriptor reply; // none: it has ended
    std::optional<iscsi::result<void>> end;
};

flushing begin(helper& waiter, const std::string& node, bool with_users) {
    flushing fresh{{operation::flush, node, with_users ? "1" : "0"}, {}, {}};
    auto begun = waiter.begin_order(fresh.request);
    if (begun)
        fresh.reply = *std::move(begun);
    else
        fresh.end = begun.error();
    return fresh;
}

// False: none is under way.
bool wait_a_moment(std::vector<flushing>& all) {
    std::vector<pollfd> waits;
    waits.reserve(all.size());
    for (const auto& each : all)
        waits.push_back({each.reply.number(), POLLIN, 0}); // a negative number is passed over
    if (std::ranges::all_of(waits, [](const auto& each) { return each.fd < 0; }))
        return false;
    ::poll(waits.data(), waits.size(), static_cast<int>(between_looks.count()));
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (waits[i].fd < 0 || waits[i].revents == 0)
            continue;
        all[i].end = helper::end_order(all[i].reply, all[i].request);
        all[i].reply.close();
    }
    return true;
}

void wait(std::vector<flushing>& all, const flush_patience& patience) {
    const auto end = clock::now() + patience.at_most;
    auto moved_at = clock::now();
    std::uint64_t steps = 0;
    while (wait_a_moment(all)) {
        const auto now = clock::now();
        const auto steps_now = patience.progress ? patience.progress() : 0;
        if (std::exchange(steps, steps_now) != steps_now)
            moved_at = now;
        if (now >= end || now - moved_at >= patience.without_progress)
            return;
    }
}

iscsi::fault no_answer(const std::string& node) {
    return {iscsi::to_error_code(disk_errc::no_answer), "flush of " + node, "none", "one in time"};
}

// What hangs above a device says nothing of the device: its own cache is worth another try.
void flush_below_what_hangs(
    helper& waiter, const std::vector<std::string>& nodes, std::vector<flushing>& all
) {
    std::vector<flushing> last;
    for (std::size_t i = 0; i < all.size(); ++i)
        if (!all[i].end) {
            all[i].end = no_answer(nodes[i]);
            all[i].reply.close();
            last.push_back(begin(waiter, nodes[i], false));
        }
    wait(last, {last_flush_limit, last_flush_limit, {}});
}

} // namespace

std::vector<iscsi::result<void>>
flush_nodes(helper& waiter, const std::vector<std::string>& nodes, const flush_patience& patience) {
    std::vector<flushing> all;
    all.reserve(nodes.size());
    for (const auto& node : nodes)
        all.push_back(begin(waiter, node, true));
    wait(all, patience);
    flush_below_what_hangs(waiter, nodes, all);
    std::vector<iscsi::result<void>> ends;
    ends.reserve(all.size());
    for (auto& each : all)
        ends.push_back(*std::move(each.end));
    return ends;
}

std::vector<std::string> users_of_nodes(helper& waiter, const std::vector<std::string>& nodes) {
    std::vector<std::string> users;
    for (std::size_t at = 0; at < nodes.size(); at += nodes_in_a_question) {
        const auto count = std::min(nodes_in_a_question, nodes.size() - at);
        const auto begin = nodes.begin() + static_cast<std::ptrdiff_t>(at);
        fields question{operation::users};
        question.insert(question.end(), begin, begin + static_cast<std::ptrdiff_t>(count));
        auto answer = waiter.ask(question, {users_limit}).results;
        if (!answer || answer->size() != count)
            answer = fields(count);
        users.insert(users.end(), answer->begin(), answer->end());
    }
    return users;
}

} // namespace iscsid::disk
