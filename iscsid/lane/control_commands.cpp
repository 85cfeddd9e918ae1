#include "iscsid/lane/control_commands.hpp"

#include "iscsid/lane/translate.hpp"

#include <algorithm>

namespace iscsid::lane {

void end_as_lost(control_command& command) {
    scsi_outcome outcome;
    outcome.done.cookie = command.what.cookie;
    outcome.done.outcome = iscsi::task_result::lost;
    outcome.done.may_have_run = command.task.has_value();
    command.done(std::move(outcome));
}

void control_commands::submit(control_command command) {
    if (session_ == nullptr) {
        end_as_lost(command);
        return;
    }
    auto place = std::find(commands_.begin(), commands_.end(), nullptr);
    if (place == commands_.end())
        place = commands_.insert(place, nullptr);
    *place = std::make_unique<control_command>(std::move(command));
    const auto slot = static_cast<std::uint32_t>(place - commands_.begin());
    auto& what = (*place)->what;
    if (what.timeout == iscsi::duration::zero())
        what.timeout = timeout_of(what.cdb);
    if (what.goes_once)
        (*place)->deadline = session_->now() + what.timeout;
    auto& line = line_of(**place);
    if (!line.empty() || !try_send(slot))
        line.push_back(slot);
}

void control_commands::command_done(std::uint32_t slot, const iscsi::task_done& done) {
    const auto finished = std::exchange(commands_[slot], nullptr);
    pass_on_news(finished->what.lun, done);
    scsi_outcome outcome;
    outcome.done = done;
    outcome.done.cookie = finished->what.cookie;
    outcome.sense_bytes.assign(done.sense.begin(), done.sense.end());
    outcome.done.sense = outcome.sense_bytes;
    outcome.data = std::move(finished->data_in);
    outcome.data.resize(std::min<std::size_t>(outcome.data.size(), done.transferred));
    finished->done(std::move(outcome));
}

// A deferred error comes with the next command of the unit, whose ever that is (SPC-4 §4.5.5). All
// other news are for the asker, who sees them in the outcome; but the disks of the session must not
// wait for what he makes of them, and he may have read the list of LUNs before it has changed.
void control_commands::pass_on_news(const iscsi::lun_field& lun, const iscsi::task_done& done) {
    if (done.outcome != iscsi::task_result::answered)
        return;
    const auto news = scsi::judge({done.response, done.status, done.sense}).news;
    if (news == scsi::attention::deferred_error)
        session_->attention(lun, news);
    else if (news != scsi::attention::none)
        session_->note_change(lun, news);
}

bool control_commands::send_waiting() {
    return send_first(questions_) || send_first(changes_);
}

bool control_commands::send_first(queue& of) {
    if (of.empty() || !try_send(of.front()))
        return false;
    of.pop_front();
    return true;
}

// One that has not gone out by then ends without having been done; the rest the session tells.
void control_commands::handle_deadline(iscsi::instant now) {
    for (std::uint32_t slot = 0; slot < commands_.size(); ++slot) {
        auto* const late = commands_[slot].get();
        if (late == nullptr || !late->deadline || *late->deadline > now)
            continue;
        late->deadline.reset();
        if (late->task)
            session_->abort(*late->task);
        else
            end_unsent(slot);
    }
}

std::optional<iscsi::instant> control_commands::next_deadline() const {
    std::optional<iscsi::instant> first;
    for (const auto& each : commands_)
        if (each)
            first = iscsi::earlier(first, each->deadline);
    return first;
}

void control_commands::end_unsent(std::uint32_t slot) {
    const auto unsent = std::exchange(commands_[slot], nullptr);
    std::erase(changes_, slot);
    end_as_lost(*unsent);
}

void control_commands::session_gone() {
    session_ = nullptr;
    questions_.clear();
    changes_.clear();
    for (auto& each : commands_)
        if (const auto gone = std::exchange(each, nullptr))
            end_as_lost(*gone);
}

bool control_commands::try_send(std::uint32_t slot) {
    control_command& sending = *commands_[slot];
    iscsi::command what = sending.what;
    what.data_in = sending.data_in;
    what.data_out = sending.data_out;
    what.cookie = slot;
    what.goes_ahead = !what.goes_once;
    const auto task = session_->submit(what, *this);
    if (task.has_error()) {
        if (task.error().code == iscsi::to_error_code(iscsi::session_errc::no_free_slot))
            return false;
        const auto refused = std::exchange(commands_[slot], nullptr);
        end_as_lost(*refused);
        return true;
    }
    sending.task = *task;
    return true;
}

} // namespace iscsid::lane
