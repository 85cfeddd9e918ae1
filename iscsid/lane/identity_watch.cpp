#include "iscsid/lane/identity_watch.hpp"

#include "iscsid/lane/translate.hpp"

#include "libiscsi/scsi/inquiry.hpp"
#include "libiscsi/scsi/status.hpp"

#include <algorithm>
#include <utility>

namespace iscsid::lane {

namespace {

constexpr iscsi::duration first_delay = std::chrono::milliseconds(1);
constexpr iscsi::duration longest_delay = std::chrono::seconds(1);

// A target that has just been started may not have all its LUNs yet.
constexpr iscsi::duration patience = std::chrono::seconds(30);

iscsi::result<std::string> identity_in(scsi::vpd_page page, iscsi::bytes_view data) {
    return page == scsi::vpd_page::device_identification ? scsi::read_wwid(data)
                                                         : scsi::read_unit_serial_number(data);
}

// SPC-5 §6.7.2: only qualifier 0 is a unit that is there.
bool is_there(iscsi::bytes_view inquiry) {
    return !inquiry.empty() && std::to_integer<unsigned>(inquiry[0]) >> 5U == 0;
}

} // namespace

void identity_watch::watch(
    const iscsi::lun_field& lun, const scsi::logical_unit& recorded, teller tell
) {
    if (recorded.wwid.empty() && recorded.serial.empty())
        return;
    auto place = std::find(units_.begin(), units_.end(), nullptr);
    if (place == units_.end())
        place = units_.insert(place, nullptr);
    *place = std::make_unique<unit>();
    auto& added = **place;
    added.lun = lun;
    added.page = recorded.wwid.empty() ? scsi::vpd_page::unit_serial_number
                                       : scsi::vpd_page::device_identification;
    added.expected = recorded.wwid.empty() ? recorded.serial : recorded.wwid;
    added.tell = std::move(tell);
}

void identity_watch::forget(const iscsi::lun_field& lun) {
    for (auto& each : units_) {
        if (each == nullptr || each->lun != lun)
            continue;
        each->tell = nullptr;
        if (session_ != nullptr)
            session_->let_go(lun);
        if (each->is == state::at_rest || each->is == state::waiting)
            each.reset();
    }
}

void identity_watch::restart_timeouts(iscsi::instant now) {
    for (std::uint32_t slot = 0; slot < units_.size(); ++slot) {
        if (units_[slot] == nullptr || !units_[slot]->tell)
            continue;
        auto& each = *units_[slot];
        each.doubted = now + patience;
        each.delay = first_delay;
        session_->hold(each.lun);
        if (each.is == state::asking || each.is == state::giving_up)
            each.due = now + timeout_of(scsi::inquiry_vpd(each.page, 0)); // it goes out again
        else
            ask(slot);
    }
}

void identity_watch::ask(std::uint32_t slot) {
    auto& whom = *units_[slot];
    iscsi::command what;
    what.lun = whom.lun;
    what.cdb = scsi::inquiry_vpd(whom.page, static_cast<std::uint16_t>(whom.room.size()));
    what.data_in = whom.room;
    what.cookie = slot;
    what.goes_ahead = true;
    const auto task = session_->submit(what, *this);
    if (task.has_error())
        return ask_later(whom);
    whom.is = state::asking;
    whom.task = task.value();
    whom.due = session_->now() + timeout_of(what.cdb);
}

void identity_watch::ask_later(unit& whom) {
    whom.is = state::waiting;
    whom.due = session_->now() + whom.delay;
    whom.delay = std::min(2 * whom.delay, longest_delay);
    if (whom.due > whom.doubted)
        tell(whom, true);
}

void identity_watch::command_done(std::uint32_t slot, const iscsi::task_done& done) {
    auto& whom = *units_[slot];
    whom.is = state::at_rest;
    if (!whom.tell)
        units_[slot].reset();
    else if (done.outcome != iscsi::task_result::lost) // else the next login asks again
        conclude(whom, judge(whom, done));
}

identity_watch::finding
identity_watch::judge(const unit& whom, const iscsi::task_done& done) const {
    const bool good = done.outcome == iscsi::task_result::answered && done.response == 0 &&
                      done.status == static_cast<std::uint8_t>(scsi::status::good);
    const auto data =
        iscsi::bytes_view(whom.room).first(std::min<std::size_t>(done.transferred, whom.room.size())
        );
    if (!good || !is_there(data))
        return finding::nothing;
    const auto shown = identity_in(whom.page, data);
    if (shown.has_error())
        return finding::nothing;
    return *shown == whom.expected ? finding::same : finding::other;
}

// Another unit is asked again and again: the right one may come back.
void identity_watch::conclude(unit& whom, finding what) {
    if (what == finding::same) {
        tell(whom, false);
        session_->let_go(whom.lun);
        return;
    }
    if (what == finding::other) {
        tell(whom, true);
        whom.delay = longest_delay;
    }
    ask_later(whom);
}

void identity_watch::tell(unit& whom, bool is_other) {
    if (std::exchange(whom.other, is_other) == is_other)
        return;
    whom.tell(is_other);
    session_->attention(whom.lun, scsi::attention::inquiry_changed);
}

void identity_watch::handle_deadline(iscsi::instant now) {
    for (std::uint32_t slot = 0; slot < units_.size(); ++slot)
        if (units_[slot] != nullptr && units_[slot]->due <= now)
            now_due(slot);
}

void identity_watch::now_due(std::uint32_t slot) {
    auto& whom = *units_[slot];
    if (whom.is == state::asking && session_->logged_in()) {
        whom.is = state::giving_up; // ends in command_done()
        session_->abort(whom.task);
    } else if (whom.is == state::asking) { // a lost connection is not the fault of the unit
        whom.due = session_->now() + longest_delay;
    } else if (whom.is == state::waiting) {
        whom.is = state::at_rest; // without a connection the next login asks
        if (session_->logged_in())
            ask(slot);
    }
}

std::optional<iscsi::instant> identity_watch::next_deadline() const {
    std::optional<iscsi::instant> first;
    for (const auto& each : units_)
        if (each != nullptr && (each->is == state::waiting || each->is == state::asking))
            first = first ? std::min(*first, each->due) : each->due;
    return first;
}

void identity_watch::session_gone() {
    session_ = nullptr;
    units_.clear();
}

} // namespace iscsid::lane
