#include "iscsid/lane/command_sources.hpp"

#include <algorithm>
#include <utility>

namespace iscsid::lane {

void command_sources::add(command_source& source) {
    auto place = std::find(all_.begin(), all_.end(), nullptr);
    if (place == all_.end())
        place = all_.insert(place, nullptr);
    *place = &source;
    source.set_number(static_cast<std::uint32_t>(place - all_.begin()));
}

void command_sources::remove(const command_source& source) {
    all_[source.number()] = nullptr;
}

void command_sources::note_sent(const command_source& from) {
    if (!is_serving_)
        next_served_ = from.number() + 1;
}

bool command_sources::serve(const std::function<std::size_t()>& free_slots) {
    bool some = false;
    is_serving_ = true;
    while (free_slots() > 0 && serve_one())
        some = true;
    is_serving_ = false;
    someone_waits_ = free_slots() == 0;
    return some;
}

bool command_sources::serve_one() {
    for (std::size_t tried = 0; tried < all_.size(); ++tried) {
        command_source* const source = all_[next_served_ % all_.size()];
        ++next_served_;
        if (source != nullptr && source->send_waiting())
            return true;
    }
    return false;
}

void command_sources::handle_deadline(iscsi::instant now) {
    for (command_source* each : all_)
        if (each != nullptr)
            each->handle_deadline(now);
}

std::optional<iscsi::instant> command_sources::next_deadline() const {
    std::optional<iscsi::instant> first;
    for (const command_source* each : all_)
        if (each != nullptr)
            first = iscsi::earlier(first, each->next_deadline());
    return first;
}

void command_sources::restart_timeouts(iscsi::instant now) {
    for (command_source* each : all_)
        if (each != nullptr)
            each->restart_timeouts(now);
}

void command_sources::end_session() {
    for (command_source* each : std::exchange(all_, {}))
        if (each != nullptr)
            each->session_gone();
}

} // namespace iscsid::lane
