/// A file of the dashboard, as it goes to a browser.
///
/// The files are part of the program, so that it needs none beside itself wherever it is installed. They hold no secrets and
/// no figures: what they show, they ask for.
package struct WebFile: Sendable {
    package let name: String
    package let contentType: String
    package let bytes: [UInt8]

    private init(_ name: String, _ contentType: String, _ bytes: [UInt8]) {
        self.name = name
        self.contentType = contentType
        self.bytes = bytes
    }

    private init(script name: String, _ bytes: [UInt8]) {
        self.init(name, "text/javascript; charset=utf-8", bytes)
    }

    /// The page for whoever is logged in.
    package static let index = WebFile("index.html", "text/html; charset=utf-8", PackageResources.index_html)
    /// The page for everybody else.
    package static let login = WebFile("login.html", "text/html; charset=utf-8", PackageResources.login_html)

    /// What the pages load, by name.
    package static let assets: [String: WebFile] = Dictionary(
        uniqueKeysWithValues: [
            WebFile("style.css", "text/css; charset=utf-8", PackageResources.style_css),
            WebFile("icon.svg", "image/svg+xml", PackageResources.icon_svg),
            WebFile(script: "app.js", PackageResources.app_js),
            WebFile(script: "api.js", PackageResources.api_js),
            WebFile(script: "charts.js", PackageResources.charts_js),
            WebFile(script: "clients.js", PackageResources.clients_js),
            WebFile(script: "course.js", PackageResources.course_js),
            WebFile(script: "dom.js", PackageResources.dom_js),
            WebFile(script: "format.js", PackageResources.format_js),
            WebFile(script: "invite.js", PackageResources.invite_js),
            WebFile(script: "job.js", PackageResources.job_js),
            WebFile(script: "jobclients.js", PackageResources.jobclients_js),
            WebFile(script: "live.js", PackageResources.live_js),
            WebFile(script: "login.js", PackageResources.login_js),
            WebFile(script: "audit.js", PackageResources.audit_js),
            WebFile(script: "overview.js", PackageResources.overview_js),
            WebFile(script: "theme.js", PackageResources.theme_js),
        ].map { ($0.name, $0) }
    )
}
