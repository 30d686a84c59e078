// Before anything is drawn: the look that was chosen last. A plain script, so that nothing flashes.
document.documentElement.dataset.theme = localStorage.getItem("ultra-checklist-theme") ?? "auto";
