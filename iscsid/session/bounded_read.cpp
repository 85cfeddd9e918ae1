#include "iscsid/session/bounded_read.hpp"

#include "iscsid/os/blocked_signals.hpp"

#include <boost/system/system_category.hpp>

#include <condition_variable>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

namespace iscsid::session {

struct bounded_read::shared {
    std::mutex lock;
    std::condition_variable ended;
    std::set<std::string> under_way;
};

bounded_read::bounded_read(std::chrono::milliseconds patience)
    : patience_(patience), shared_(std::make_shared<shared>()) {}

std::optional<iscsi::result<std::string>> bounded_read::run(const std::string& file, reading read) {
    using answer = std::optional<iscsi::result<std::string>>;
    std::unique_lock locked(shared_->lock);
    if (!shared_->under_way.insert(file).second)
        return std::nullopt;
    const auto given = std::make_shared<answer>();
    auto job = [to = shared_, given, file, read = std::move(read)] {
        auto got = read();
        const std::scoped_lock ending(to->lock);
        given->emplace(std::move(got));
        to->under_way.erase(file);
        to->ended.notify_all();
    };
    const os::blocked_signals meanwhile;
    try {
        std::thread(std::move(job)).detach();
    } catch (const std::system_error& failed) { // no memory for one more
        shared_->under_way.erase(file);
        return iscsi::fault{
            {failed.code().value(), boost::system::system_category()}, file, {}, {}};
    }
    shared_->ended.wait_for(locked, patience_, [&] { return given->has_value(); });
    return std::exchange(*given, std::nullopt);
}

} // namespace iscsid::session
