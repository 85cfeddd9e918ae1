#include "iscsid/disk/unsettled_units.hpp"

#include "iscsid/os/entries.hpp"
#include "iscsid/os/files.hpp"

#include "libiscsi/scsi/cdb.hpp"
#include "libiscsi/scsi/lun.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace iscsid::disk {

namespace {

constexpr mode_t folder_mode = 0700;
constexpr int base = 16;
constexpr std::size_t longest_note = 4096;

struct unsettled_unit {
    std::string path; // of its note
    std::string target;
    std::uint64_t lun_number = 0;
    std::string why;
};

std::string hex(std::uint64_t number) {
    std::array<char, 16> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
    return {digits.data(), end};
}

// What the note of a disk with these paths in that folder says.
unsettled_unit
unit_of(const std::string& folder, const std::vector<disk_path>& paths, const std::string& why) {
    const auto& first = paths.front().what;
    return {folder + '/' + hex(first.nonce), first.target_name, first.lun_number, why};
}

std::string text_of(const unsettled_unit& what) {
    return what.target + '\n' + hex(what.lun_number) + '\n' + what.why + '\n';
}

// Takes the first line off.
std::optional<std::string> next_line(std::string_view& text) {
    const auto end = text.find('\n');
    if (end == std::string_view::npos)
        return std::nullopt;
    std::string line(text.substr(0, end));
    text.remove_prefix(end + 1);
    return line;
}

// What is no note goes.
std::optional<unsettled_unit> read_note(const std::string& path) {
    const auto file = os::read_file(path, longest_note);
    if (file.error != 0) // it may be readable for the next daemon
        return std::nullopt;
    std::string_view text = file.text;
    auto target = next_line(text);
    const auto lun = next_line(text);
    auto why = next_line(text);
    if (!why) {
        ::unlink(path.c_str());
        return std::nullopt;
    }
    unsettled_unit what{path, *std::move(target), 0, *std::move(why)};
    const auto* const end = lun->data() + lun->size();
    const auto read = std::from_chars(lun->data(), end, what.lun_number, base);
    if (read.ec == std::errc() && read.ptr == end)
        return what;
    ::unlink(path.c_str());
    return std::nullopt;
}

} // namespace

struct unsettled_units::known {
    // Behind the order, so its answer shows that of the reset, whatever it says.
    static void order(
        const std::shared_ptr<known>& self,
        lane::lane& where,
        lane::session_key session,
        const unsettled_unit& what
    ) {
        const auto lun = scsi::lun_from_number(what.lun_number);
        where.reset_first(session, lun, what.why);
        iscsi::command question;
        question.lun = lun;
        question.cdb = scsi::test_unit_ready();
        where.execute(session, question, [self, path = what.path](const lane::scsi_outcome& how) {
            if (how.done.outcome == iscsi::task_result::answered)
                self->settle(path);
        });
    }

    // A reset ends the tasks of all sessions (SAM-5 §6.3.3).
    void settle(const std::string& path) {
        forget([&path](const unsettled_unit& each) { return each.path == path; });
    }

    template <class Which>
    void forget(Which which) {
        const std::scoped_lock lock(guard);
        for (const auto& each : all)
            if (which(each))
                ::unlink(each.path.c_str());
        std::erase_if(all, which);
    }

    bool has_session_of(const std::string& target) {
        const std::scoped_lock lock(guard);
        return std::ranges::any_of(sessions, [&target](const auto& each) {
            return each.second.target == target;
        });
    }

    // Of a unit of that target: the sessions of its disk, and those that are there besides.
    std::map<lane::session_key, lane::lane*>
    concerned(const std::vector<disk_path>& paths, const std::string& target) {
        std::map<lane::session_key, lane::lane*> all;
        for (const auto& each : paths)
            all.emplace(each.what.session, each.where);
        const std::scoped_lock lock(guard);
        for (const auto& [key, each] : sessions)
            if (each.target == target)
                all.emplace(key, each.where);
        return all;
    }

    struct present {
        lane::lane* where = nullptr;
        std::string target;
    };

    std::mutex guard;
    std::map<lane::session_key, present> sessions;
    std::string folder;
    std::vector<unsettled_unit> all;
};

unsettled_units::unsettled_units(const std::string& runtime_folder)
    : known_(std::make_shared<known>()) {
    known_->folder = runtime_folder + "/unsettled";
    for (const auto& each : os::entries_of(known_->folder))
        if (auto what = read_note(each.string()))
            known_->all.push_back(*std::move(what));
}

unsettled_units::note_result
unsettled_units::note(const std::vector<disk_path>& paths, const std::string& why) {
    const auto what = unit_of(known_->folder, paths, why);
    ::mkdir(known_->folder.c_str(), folder_mode);
    const bool is_kept = !os::replace_file(what.path, text_of(what));
    const std::scoped_lock lock(known_->guard);
    std::erase_if(known_->all, [&what](const auto& each) { return each.path == what.path; });
    known_->all.push_back(what);
    return is_kept ? note_result::outlives_daemon : note_result::of_this_daemon;
}

void unsettled_units::withdraw(const std::vector<disk_path>& paths) {
    known_->settle(unit_of(known_->folder, paths, {}).path);
}

unsettled_units::note_result
unsettled_units::add(const std::vector<disk_path>& paths, const std::string& why) {
    const auto result = note(paths, why);
    const auto what = unit_of(known_->folder, paths, why);
    for (const auto& [session, where] : known_->concerned(paths, what.target))
        known::order(known_, *where, session, what);
    return result;
}

void unsettled_units::greet(lane::lane& where, lane::session_key session, std::string_view target) {
    std::unique_lock lock(known_->guard);
    known_->sessions.insert_or_assign(session, known::present{&where, std::string(target)});
    const auto all = known_->all;
    lock.unlock();
    for (const auto& each : all)
        if (each.target == target)
            known::order(known_, where, session, each);
}

void unsettled_units::part(lane::session_key session, bool is_logged_out) {
    std::unique_lock lock(known_->guard);
    const auto gone = known_->sessions.extract(session);
    lock.unlock();
    if (!gone || !is_logged_out)
        return;
    const auto& target = gone.mapped().target;
    if (!known_->has_session_of(target))
        known_->forget([&target](const auto& each) { return each.target == target; });
}

} // namespace iscsid::disk
